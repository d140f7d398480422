using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Expands many NOLA adapters of one seed at once: every basis number is made once for all of them.</summary>
public static class NolaExpansion
{
    /// <summary>Makes the batched forms of several adapters; those that share a basis at a site are expanded by one product.</summary>
    /// <remarks>The forms have the bits of lone expansions; an adapter that has its form already keeps it.</remarks>
    /// <param name="adapters">Adapters of one model; sites without NOLA are left alone.</param>
    public static void LowerTogether(IReadOnlyList<Adapter> adapters)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        if (adapters.Count == 0)
        {
            return;
        }
        foreach (Site site in adapters[0].Model.Sites)
        {
            List<(Adapter Adapter, NolaSite Change)> open = [];
            foreach (Adapter adapter in adapters)
            {
                if (adapter[site] is NolaSite change)
                {
                    open.Add((adapter, change));
                }
            }
            while (open.Count > 0)
            {
                NolaSite first = open[0].Change;
                List<(Adapter Adapter, NolaSite Change)> group = open.FindAll(o => o.Change.BasisA.Same(first.BasisA) && o.Change.BasisB.Same(first.BasisB));
                open.RemoveAll(o => group.Contains(o));
                Lower(site, group);
            }
        }
    }

    private static void Lower(Site site, List<(Adapter Adapter, NolaSite Change)> group)
    {
        Tensor[] a = Expand(group[0].Change.BasisA, group.ConvertAll(g => g.Change.Alpha));
        Tensor[] b = Expand(group[0].Change.BasisB, group.ConvertAll(g => g.Change.Beta));
        for (int i = 0; i < group.Count; i++)
        {
            group[i].Change.TakeExpanded(a[i], b[i]);
            group[i].Adapter.Form(site);
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
