using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What happens at one site for a batch: kernels by segments of rows, or each change's own forward on its segment.</summary>
internal sealed unsafe class SitePlan
{
    private readonly Site site;
    private readonly RowSegment[] segments;
    private readonly SiteAdapter?[] changes;
    private readonly SiteForm?[] forms;
    private readonly Tensor[] parts;
    private readonly SharedProduct shared = new();
    private readonly int[] versions;
    private bool anyForm;
    private bool expands;
    private bool replacesInput;
    private LowRankSegment[] lowRank = [];

    public SitePlan(Site site, RowSegment[] segments)
    {
        this.site = site;
        this.segments = segments;
        changes = new SiteAdapter?[segments.Length];
        forms = new SiteForm?[segments.Length];
        parts = new Tensor[segments.Length];
        versions = new int[segments.Length];
        for (int i = 0; i < segments.Length; i++)
        {
            changes[i] = segments[i].Adapter?[site];
            versions[i] = -1;
        }
    }

    /// <summary>At a site that is entered alone.</summary>
    public Tensor Forward(ModelRun run, in Tensor x, ReadOnlySpan<int> ids)
    {
        for (int i = 0; i < segments.Length; i++)
        {
            (_, int row, int rows) = segments[i];
            ReadOnlySpan<int> own = ids.IsEmpty ? ids : ids.Slice(row, rows);
            Tensor part = x.Exists ? RowSlice.Forward(run, x, row, rows) : default;
            parts[i] = changes[i] is { } change
                ? change.Forward(new SiteCall(run, site, part, own, null, row))
                : site.Base(run, part, own);
        }
        return RowConcat.Forward(run, parts);
    }

    /// <summary>At a linear site, entered through its projection.</summary>
    public Tensor Forward(ModelRun run, in Prepared x)
    {
        LinearSite linear = (LinearSite)site;
        return run.Tape is null && !run.OwnForwards && HasForms() ? Batched(run, linear, x) : Own(run, linear, x);
    }

    /// <summary>True where a change has a batched form. Forms are made at the first step that is not recorded, and again after training changed them.</summary>
    private bool HasForms()
    {
        bool old = false;
        for (int i = 0; i < segments.Length; i++)
        {
            old |= changes[i] is not null && versions[i] != segments[i].Adapter!.Version;
        }
        if (!old)
        {
            return anyForm;
        }
        (anyForm, expands, replacesInput) = (false, false, false);
        for (int i = 0; i < segments.Length; i++)
        {
            if (changes[i] is not null)
            {
                versions[i] = segments[i].Adapter!.Version;
                forms[i] = segments[i].Adapter!.Form(site);
                anyForm |= forms[i] is not null;
                expands |= forms[i]?.Expand.Exists == true;
                replacesInput |= forms[i]?.Pre.Exists == true;
            }
        }
        lowRank = Pack();
        return anyForm;
    }

    private LowRankSegment[] Pack()
    {
        List<LowRankSegment> list = [];
        for (int i = 0; i < segments.Length; i++)
        {
            foreach (LowRankPart part in forms[i]?.LowRank ?? [])
            {
                list.Add(new LowRankSegment
                {
                    Row = segments[i].Row,
                    Rows = segments[i].Rows,
                    Rank = part.Rank,
                    Scale = part.Scale,
                    A = part.A.Pointer,
                    B = part.B.Pointer,
                });
            }
        }
        return [.. list];
    }

    private Tensor Own(ModelRun run, LinearSite linear, in Prepared x)
    {
        shared.Begin(x);
        // All slices before the shared product: gradients then reach x in one order, however many segments there are.
        for (int i = 0; i < segments.Length; i++)
        {
            parts[i] = RowSlice.Forward(run, x.X, segments[i].Row, segments[i].Rows);
        }
        for (int i = 0; i < segments.Length; i++)
        {
            SiteCall call = new(run, linear, parts[i], default, shared, segments[i].Row);
            parts[i] = changes[i] is { } change ? change.Forward(call) : call.Base();
        }
        return RowConcat.Forward(run, parts);
    }

    private Tensor Batched(ModelRun run, LinearSite linear, in Prepared x)
    {
        Tensor y = run.Allocate(x.X.Rows, linear.Outputs);
        ArenaMark mark = run.Arena.Mark;
        Tensor input = replacesInput ? ScaledInput(run, x.X) : x.X;
        if (expands)
        {
            MultiplyExpanded(run, linear, input, y);
        }
        else
        {
            linear.Weight.Multiply(run, replacesInput ? linear.Weight.Prepare(run, input) : x, y);
        }
        AddLowRank(input, y);
        for (int i = 0; i < segments.Length; i++)
        {
            (_, int row, int rows) = segments[i];
            if (forms[i]?.Sparse is { } sparse)
            {
                AddSparse(sparse, input.ViewRows(row, rows), y.ViewRows(row, rows));
            }
        }
        Unlowered(run, linear, x, y);
        Post(linear, y);
        run.Arena.Release(mark);
        return y;
    }

    /// <summary>Changes without a form run their own forward on their rows, whatever the neighbours do: a row's bits never depend on them.</summary>
    private void Unlowered(ModelRun run, LinearSite linear, in Prepared x, in Tensor y)
    {
        // At this point the rows of such a segment hold the plain product.
        shared.Begin(x, y);
        for (int i = 0; i < segments.Length; i++)
        {
            if (changes[i] is not { } change || forms[i] is not null)
            {
                continue;
            }
            (_, int row, int rows) = segments[i];
            Tensor own = y.ViewRows(row, rows);
            Tensor answer = change.Forward(new SiteCall(run, linear, x.X.ViewRows(row, rows), default, shared, row));
            if (!answer.SameMemory(own))
            {
                answer.Span.CopyTo(own.Span);
            }
        }
    }

    private Tensor ScaledInput(ModelRun run, in Tensor x)
    {
        Tensor scaled = run.Arena.Allocate(x.Shape);
        x.Span.CopyTo(scaled.Span);
        for (int i = 0; i < segments.Length; i++)
        {
            if (forms[i] is { Pre.Exists: true } form)
            {
                Elementwise.ScaleRows(form.Pre.Span, scaled.ViewRows(segments[i].Row, segments[i].Rows).Span, x.Width);
            }
        }
        return scaled;
    }

    /// <summary>All rows of all segments, each as often as its rank asks, through one product with the shared weight.</summary>
    private void MultiplyExpanded(ModelRun run, LinearSite linear, in Tensor x, in Tensor y)
    {
        int total = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            total += segments[i].Rows * Copies(forms[i]);
        }
        Tensor expanded = run.Allocate(total, linear.Inputs);
        Tensor product = run.Allocate(total, linear.Outputs);
        int at = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            (_, int row, int rows) = segments[i];
            Tensor own = x.ViewRows(row, rows);
            if (forms[i] is { Expand.Exists: true } form)
            {
                int rank = form.Expand.Rows;
                Hadamard.Expand(own.Span, rows, linear.Inputs, form.Expand.Span, rank, expanded.ViewRows(at, rows * rank).Span);
                at += rows * rank;
                if (!form.ReduceAddsBase)
                {
                    continue;
                }
            }
            own.Span.CopyTo(expanded.ViewRows(at, rows).Span);
            at += rows;
        }
        linear.Weight.Multiply(run, linear.Weight.Prepare(run, expanded), product);
        at = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            (_, int row, int rows) = segments[i];
            Tensor own = y.ViewRows(row, rows);
            if (forms[i] is { Expand.Exists: true } form)
            {
                int rank = form.Expand.Rows;
                if (form.ReduceAddsBase)
                {
                    product.ViewRows(at + (rows * rank), rows).Span.CopyTo(own.Span);
                }
                Hadamard.Reduce(
                    product.ViewRows(at, rows * rank).Span, rows, linear.Outputs, form.Reduce.Span, rank, form.ReduceScale, own.Span, form.ReduceAddsBase);
                at += rows * Copies(form);
            }
            else
            {
                product.ViewRows(at, rows).Span.CopyTo(own.Span);
                at += rows;
            }
        }
    }

    private static int Copies(SiteForm? form) => form?.ExpandedRows ?? 1;

    private void AddLowRank(in Tensor x, in Tensor y)
    {
        if (lowRank.Length > 0)
        {
            LowRank.Apply(lowRank, x.Span, x.Width, y.Span, y.Width);
        }
    }

    private static void AddSparse(SparsePart sparse, in Tensor x, in Tensor y)
    {
        for (int row = 0; row < x.Rows; row++)
        {
            ReadOnlySpan<float> from = x.Row(row);
            Span<float> to = y.Row(row);
            for (int o = 0; o < to.Length; o++)
            {
                float sum = to[o];
                for (int e = sparse.RowStarts[o]; e < sparse.RowStarts[o + 1]; e++)
                {
                    sum = MathF.FusedMultiplyAdd(sparse.Values[e], from[sparse.Columns[e]], sum);
                }
                to[o] = sum;
            }
        }
    }

    private void Post(LinearSite linear, in Tensor y)
    {
        for (int i = 0; i < segments.Length; i++)
        {
            (_, int row, int rows) = segments[i];
            SiteForm? form = forms[i];
            if (form is null && changes[i] is not null)
            {
                continue;
            }
            Span<float> own = y.ViewRows(row, rows).Span;
            if (form is { Post.Exists: true })
            {
                Elementwise.ScaleRows(form.Post.Span, own, linear.Outputs);
            }
            if (form is { Bias.Exists: true })
            {
                Elementwise.AddRow(form.Bias.Span, own, linear.Outputs);
            }
            else if (linear.Bias is not null)
            {
                Elementwise.AddRow(linear.Bias.Value.Span, own, linear.Outputs);
            }
        }
    }
}
