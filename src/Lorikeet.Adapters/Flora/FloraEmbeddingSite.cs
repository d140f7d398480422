using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>The residual form at a token table: y[i] = W[t] o (1 + s B A[:, t]), t = ids[i]: PEFT's HiRA on an embedding.</summary>
/// <param name="a">hira_embedding_A, [r, vocabulary].</param>
/// <param name="b">hira_embedding_B, [hidden, r].</param>
/// <param name="scale">s.</param>
public sealed class FloraEmbeddingSite(Parameter a, Parameter b, float scale) : SiteAdapter
{
    private readonly Parameter[] parameters = [a, b];

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => parameters;

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        ModelRun run = call.Run;
        Tensor row = call.Base();
        Tensor change = MatMul.Forward(run, GatherColumns.Forward(run, run.Use(a), call.Ids), run.Use(b), transposeB: true, scale: scale);
        return Sum.Into(run, Multiply.Forward(run, row, change), row);
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        int vocabulary = a.Value.Width, hidden = b.Value.Rows, rank = a.Value.Rows;
        ReadOnlySpan<float> valuesA = a.Value.Span, valuesB = b.Value.Span;
        for (int token = 0; token < vocabulary; token++)
        {
            for (int h = 0; h < hidden; h++)
            {
                double sum = 0;
                for (int j = 0; j < rank; j++)
                {
                    sum += (double)valuesB[(h * rank) + j] * valuesA[(j * vocabulary) + token];
                }
                weight[(token * hidden) + h] *= (float)(1 + (scale * sum));
            }
        }
        return true;
    }
}
