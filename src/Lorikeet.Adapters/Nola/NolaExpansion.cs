using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Expands many NOLA adapters of one seed at once, as they enter a batch: every basis number is made once for all of them.</summary>
internal static class NolaExpansion
{
    /// <summary>Expands the factors of several changes of one site; those that share a basis by one product. The bits are those of lone expansions.</summary>
    /// <param name="changes">The changes.</param>
    public static void ExpandTogether(List<NolaSite> changes)
    {
        while (changes.Count > 0)
        {
            NolaSite first = changes[0];
            List<NolaSite> group = changes.FindAll(other => other.BasisA.Same(first.BasisA) && other.BasisB.Same(first.BasisB));
            changes.RemoveAll(group.Contains);
            Tensor[] a = Expand(first.BasisA, group.ConvertAll(change => change.Alpha));
            Tensor[] b = Expand(first.BasisB, group.ConvertAll(change => change.Beta));
            for (int i = 0; i < group.Count; i++)
            {
                group[i].TakeExpanded(a[i], b[i]);
            }
        }
    }

    private static Tensor[] Expand(NolaBasis basis, List<Parameter> coefficients)
    {
        int length = checked((int)basis.Shape.Length);
        float[] all = new float[coefficients.Count * basis.Count];
        for (int i = 0; i < coefficients.Count; i++)
        {
            coefficients[i].Value.Span.CopyTo(all.AsSpan(i * basis.Count));
        }
        float[] made = new float[checked(coefficients.Count * length)];
        basis.ExpandMany(all, coefficients.Count, made);
        Tensor[] factors = new Tensor[coefficients.Count];
        for (int i = 0; i < factors.Length; i++)
        {
            factors[i] = Storage.Zeros(basis.Shape);
            made.AsSpan(i * length, length).CopyTo(factors[i].Span);
        }
        return factors;
    }
}
