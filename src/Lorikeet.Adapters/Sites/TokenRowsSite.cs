using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Rows of a token table, or of the head, that the adapter brings itself: row tokens[j] is rows[j] in place of the base's.</summary>
public sealed class TokenRowsSite : SiteAdapter
{
    private readonly int[] tokens;
    private readonly Parameter rows;
    private readonly Dictionary<int, int> entryOf = [];

    /// <summary>A change.</summary>
    /// <param name="tokens">Row numbers, each once.</param>
    /// <param name="rows">[tokens, hidden].</param>
    /// <param name="shared">True where the rows belong to another site's change (a tied head): they are trained and counted there.</param>
    public TokenRowsSite(int[] tokens, Parameter rows, bool shared = false)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        this.tokens = tokens;
        this.rows = rows;
        for (int i = 0; i < tokens.Length; i++)
        {
            entryOf[tokens[i]] = i;
        }
        Parameters = shared ? [] : [rows];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        ModelRun run = call.Run;
        if (call.Site is EmbeddingSite)
        {
            return ReplaceRows.Into(run, call.Base(), run.Use(rows), call.Ids, entryOf);
        }
        Tensor own = MatMul.Forward(run, call.X, run.Use(rows), transposeB: true);
        Tensor y = ReplaceColumns.Into(run, call.Product(call.X), own, tokens);
        return call.Bias.Exists ? AddRow.Into(run, y, call.Bias) : y;
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        int width = rows.Value.Width;
        for (int i = 0; i < tokens.Length; i++)
        {
            rows.Value.Row(i).CopyTo(weight.Slice(tokens[i] * width, width));
        }
        return true;
    }
}
