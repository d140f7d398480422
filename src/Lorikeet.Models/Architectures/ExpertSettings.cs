using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>How many experts a feed-forward has, and how many each token gets.</summary>
/// <param name="Count">Experts.</param>
/// <param name="PerToken">Experts of a token.</param>
/// <param name="Width">The inner width of an expert.</param>
/// <param name="Renormalise">Whether the weights of a token's experts are divided by their sum.</param>
internal sealed record ExpertSettings(int Count, int PerToken, int Width, bool Renormalise)
{
    private const int Most = 4096;

    /// <summary>Reads the settings.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="countKeys">The key of the number of experts, and a newer one.</param>
    /// <param name="count">Their number where neither is given.</param>
    /// <param name="perToken">Experts of a token where nothing is said.</param>
    /// <param name="width">An expert's width.</param>
    /// <param name="renormalise">Whether weights are divided by their sum.</param>
    /// <exception cref="BadFileException">A number makes no sense.</exception>
    public static ExpertSettings Read(JsonFields json, ReadOnlySpan<string> countKeys, int count, int perToken, int width, bool renormalise)
    {
        string used = countKeys[0];
        foreach (string key in countKeys)
        {
            used = json.Has(key) ? key : used;
        }
        count = json.Integer(used, 1, Most, count);
        perToken = json.Integer("num_experts_per_tok", 1, Most, perToken);
        return perToken <= count
            ? new ExpertSettings(count, perToken, width, renormalise)
            : throw new BadFileException($"{json.Path}: num_experts_per_tok is {perToken} of {count} experts; expected at most as many as there are.");
    }

    /// <summary>Makes the feed-forward: the router first, then expert after expert.</summary>
    /// <param name="b">The builder.</param>
    /// <param name="router">The router's path.</param>
    /// <param name="expert">Makes an expert's layers from its number.</param>
    /// <param name="shared">Makes the expert of every token and its gate, or null.</param>
    /// <param name="storedRouter">The name under which the router is stored, where it is another.</param>
    public ExpertFeedForward Build(
        ModelBuilder b, string router, Func<int, GatedFeedForward> expert, Func<(IFeedForward Work, Projection Gate)>? shared = null, string? storedRouter = null)
    {
        LinearSite gate = b.Dense(router, Count, b.Config.HiddenSize, stored: storedRouter);
        Expert[] experts = new Expert[Count];
        for (int e = 0; e < Count; e++)
        {
            GatedFeedForward work = expert(e);
            experts[e] = new Expert(work, [.. work.Sites]);
        }
        (IFeedForward? forAll, Projection? forAllGate) = shared?.Invoke() ?? default;
        string path = router[..router.LastIndexOf('.')] + ".experts";
        return new ExpertFeedForward(new Projection(gate), experts, PerToken, Renormalise)
        {
            Shared = forAll,
            SharedGate = forAllGate,
            Stack = new ExpertStack(path, gate, [.. experts.Select(e => e.Sites[0])], [.. experts.Select(e => e.Sites[1])], [.. experts.Select(e => e.Sites[2])]),
        };
    }
}
