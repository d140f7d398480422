using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Only some tokens may be chosen, by themselves or within another constraint.</summary>
internal sealed class AllowedTokens : ITokenConstraint
{
    private readonly ulong[] bits;
    private readonly ITokenConstraint? inner;

    public AllowedTokens(IEnumerable<int> tokens, int vocabulary, ITokenConstraint? inner)
    {
        this.inner = inner;
        bits = new ulong[(vocabulary + 63) / 64];
        foreach (int token in tokens)
        {
            bits[token >> 6] |= 1UL << (token & 63);
        }
    }

    public void Mask(Span<float> scores)
    {
        inner?.Mask(scores);
        for (int id = 0; id < scores.Length; id++)
        {
            if ((bits[id >> 6] >> (id & 63) & 1) == 0)
            {
                scores[id] = float.NegativeInfinity;
            }
        }
    }

    public void Accept(int token) => inner?.Accept(token);
}
