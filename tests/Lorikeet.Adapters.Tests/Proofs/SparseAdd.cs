using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Proofs;

/// <summary>A trained sparse change of the weight: y[o] += sum of v x[c] over the entries of row o; its op is a node of its own, outside the product.</summary>
internal sealed class SparseAdd(SparsePart places, Parameter values) : SiteAdapter
{
    public override IReadOnlyList<Parameter> Parameters => [values];

    public static SparseAdd Random(LinearSite site, CounterRandom random)
    {
        int perRow = 3;
        int[] starts = [.. Enumerable.Range(0, site.Outputs + 1).Select(o => o * perRow)];
        int[] columns = [.. Enumerable.Range(0, site.Outputs).SelectMany(o => Enumerable.Range(0, perRow).Select(e => ((o * 5) + (e * 7)) % site.Inputs).Order())];
        Tensor value = Storage.Zeros(new Shape(columns.Length));
        random.Named(site.Name).FillNormal(value.Span, 0.05f);
        return new SparseAdd(new SparsePart(starts, columns, []), new Parameter(site.Name + ".sparse", value));
    }

    public override Tensor Forward(in SiteCall call)
    {
        Tensor y = call.Base(), x = call.X, v = call.Run.Use(values);
        for (int row = 0; row < x.Rows; row++)
        {
            for (int o = 0; o < y.Width; o++)
            {
                for (int e = places.RowStarts[o]; e < places.RowStarts[o + 1]; e++)
                {
                    y.Row(row)[o] += v.Span[e] * x.Row(row)[places.Columns[e]];
                }
            }
        }
        return call.Run.Tape is not null ? call.Run.Tape.Record(call.Run, y, new SparseNode(y, x, v, places)) : y;
    }

    public override SiteForm? Lower(Site site, FactorPacker packer) => new() { Sparse = places with { Values = values.Value.Span.ToArray() } };

    private sealed class SparseNode(Tensor y, Tensor x, Tensor v, SparsePart places) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            Tensor dv = gradient.Wants(v) ? gradient.GradientToAddTo(v) : default;
            Tensor dx = gradient.Wants(x) ? gradient.GradientToAddTo(x) : default;
            for (int row = 0; row < dy.Rows; row++)
            {
                for (int o = 0; o < dy.Width; o++)
                {
                    for (int e = places.RowStarts[o]; e < places.RowStarts[o + 1]; e++)
                    {
                        float g = dy.Row(row)[o];
                        if (dv.Exists)
                        {
                            dv.Span[e] += g * x.Row(row)[places.Columns[e]];
                        }
                        if (dx.Exists)
                        {
                            dx.Row(row)[places.Columns[e]] += g * v.Span[e];
                        }
                    }
                }
            }
            gradient.Give(y);
        }
    }
}
