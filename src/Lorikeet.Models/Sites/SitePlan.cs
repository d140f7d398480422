using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What happens at one site for a batch: kernels by segments of rows, or each change's own forward on its segment.</summary>
/// <remarks>A linear site goes through <see cref="ProjectionPlan"/>, which adds the low-rank changes of all sites that read one input in one job.</remarks>
internal sealed unsafe class SitePlan
{
    // Rows of a shared product: enough to be bound by arithmetic.
    private const int MostCopies = 1024;

    private readonly Site site;
    private readonly RowSegment[] segments;
    private readonly SiteAdapter?[] changes;
    private readonly SiteForm?[] forms;
    private readonly Tensor[] parts;
    private readonly SharedProduct shared = new();
    private readonly int[] versions;
    private readonly List<HadamardSegment> block = [];

    // Pinned: kernels hold its address.
    private HadamardSegment[] around = [];
    private EpilogueRows[] own = [];
    private bool anyForm;
    private bool expands;
    private bool replacesInput;

    // What is to be looked for after the products, segment by segment.
    private bool anySparse;
    private bool anyUnlowered;
    private bool anyPost;

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

    /// <summary>The segments' batched forms, as of the last <see cref="Refresh"/>; null: none, or no change.</summary>
    public SiteForm?[] Forms => forms;

    /// <summary>True where a change has a batched form.</summary>
    public bool IsBatched => anyForm;

    /// <summary>True where the changes start from the product of the plain input, with or without factors around it.</summary>
    public bool TakesPlainInput => anyForm && !replacesInput;

    /// <summary>The factors around the product, of all rows; nothing where no change has any.</summary>
    public HadamardSegments Around =>
        expands ? new HadamardSegments { First = (HadamardSegment*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(around)), Count = around.Length } : default;

    /// <summary>
    /// True where the product of the plain input, with or without factors around it, needs nothing more than low-rank changes, and a scale and a bias for each row.
    /// </summary>
    public bool EndsInProduct => TakesPlainInput && !anySparse && !anyUnlowered;

    /// <summary>Says which rows have a scale or a bias of their own; only where <see cref="EndsInProduct"/>.</summary>
    /// <param name="after">What follows the product.</param>
    public void UseOwn(ref Epilogue after)
    {
        if (own.Length > 0)
        {
            after.Own = (EpilogueRows*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(own));
            after.OwnCount = own.Length;
        }
    }

    /// <summary>Makes the forms at the first step that is not recorded, and again after training changed them.</summary>
    /// <returns>True: they changed.</returns>
    public bool Refresh()
    {
        bool old = false;
        for (int i = 0; i < segments.Length; i++)
        {
            old |= changes[i] is not null && versions[i] != segments[i].Adapter!.Version;
        }
        if (!old)
        {
            return false;
        }
        PrepareTogether();
        (anyForm, expands, replacesInput, anySparse, anyUnlowered, anyPost) = (false, false, false, false, false, false);
        int owning = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            if (changes[i] is not null)
            {
                versions[i] = segments[i].Adapter!.Version;
                forms[i] = segments[i].Adapter!.Form(site);
                anyForm |= forms[i] is not null;
                expands |= forms[i]?.Around is not null;
                replacesInput |= forms[i]?.Pre.Exists == true;
                anySparse |= forms[i]?.Sparse is not null;
                anyUnlowered |= forms[i] is null;
                anyPost |= forms[i] is null or { Post.Exists: true } or { Bias.Exists: true };
                owning += forms[i] is { Post.Exists: true } or { Bias.Exists: true } ? 1 : 0;
            }
        }
        own = owning > 0 && EndsInProduct ? GC.AllocateUninitializedArray<EpilogueRows>(owning, pinned: true) : [];
        for (int i = 0, at = 0; at < own.Length; i++)
        {
            if (forms[i] is { } form && (form.Post.Exists || form.Bias.Exists))
            {
                own[at++] = new EpilogueRows
                {
                    Row = segments[i].Row,
                    Rows = segments[i].Rows,
                    Scale = form.Post.Exists ? form.Post.Pointer : null,
                    Bias = form.Bias.Exists ? form.Bias.Pointer : null,
                };
            }
        }
        around = expands ? GC.AllocateUninitializedArray<HadamardSegment>(segments.Length, pinned: true) : [];
        for (int i = 0; i < around.Length; i++)
        {
            around[i] = SegmentOf(i, segments[i].Row, segments[i].Rows);
        }
        return true;
    }

    private void PrepareTogether()
    {
        List<SiteAdapter> fresh = [];
        for (int i = 0; i < segments.Length; i++)
        {
            if (changes[i] is { } change && !segments[i].Adapter!.IsLowered(site) && !fresh.Contains(change))
            {
                fresh.Add(change);
            }
        }
        while (fresh.Count > 1)
        {
            Type kind = fresh[0].GetType();
            List<SiteAdapter> alike = fresh.FindAll(change => change.GetType() == kind);
            fresh.RemoveAll(alike.Contains);
            alike[0].PrepareTogether(alike);
        }
    }

    /// <summary>Each change's own forward on its segment, at a linear site.</summary>
    public Tensor Own(ModelRun run, LinearSite linear, in Prepared x)
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

    /// <summary>The shared product of all rows, between Expand and Reduce where a form has them.</summary>
    /// <param name="run">The run.</param>
    /// <param name="linear">The site.</param>
    /// <param name="x">Its input.</param>
    /// <param name="y">[rows, outputs], overwritten.</param>
    /// <returns>The input of the changes that are added: x, or x scaled by Pre.</returns>
    public Tensor Multiply(ModelRun run, LinearSite linear, in Prepared x, in Tensor y)
    {
        Tensor input = replacesInput ? ScaledInput(run, x.X) : x.X;
        if (expands)
        {
            MultiplyExpanded(run, linear, input, y);
        }
        else
        {
            linear.Weight.Multiply(run, replacesInput ? linear.Weight.Prepare(run, input) : x, y);
        }
        return input;
    }

    /// <summary>What is left when the low-rank changes are added: sparse changes, changes without a form, scale and bias.</summary>
    public void Finish(ModelRun run, LinearSite linear, in Prepared x, in Tensor input, in Tensor y)
    {
        for (int i = 0; i < segments.Length && anySparse; i++)
        {
            (_, int row, int rows) = segments[i];
            if (forms[i]?.Sparse is { } sparse)
            {
                AddSparse(sparse, input.ViewRows(row, rows), y.ViewRows(row, rows));
            }
        }
        if (anyUnlowered)
        {
            Unlowered(run, linear, x, y);
        }
        if (anyPost)
        {
            Post(linear, y);
        }
        else
        {
            AddBias(linear, y, 0, y.Rows);
        }
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
        // High ranks of many rows go block by block: by then the product is bound by arithmetic, and its memory stays small.
        for (int row = 0; row < x.Rows;)
        {
            int rows = TakeBlock(row, out int copies);
            ArenaMark mark = run.Arena.Mark;
            Tensor own = y.ViewRows(row, rows), expanded = run.Allocate(copies, linear.Inputs);
            Tensor product = copies == rows ? own : run.Allocate(copies, linear.Outputs);
            Hadamard.Expand(CollectionsMarshal.AsSpan(block), x.ViewRows(row, rows).Span, linear.Inputs, expanded.Span);
            linear.Weight.Multiply(run, linear.Weight.Prepare(run, expanded), product);
            Hadamard.Reduce(CollectionsMarshal.AsSpan(block), product.Span, linear.Outputs, own.Span);
            run.Arena.Release(mark);
            row += rows;
        }
    }

    /// <summary>Gathers the rows from one on whose copies fit a block, at least one.</summary>
    /// <returns>How many rows.</returns>
    private int TakeBlock(int row, out int copies)
    {
        block.Clear();
        copies = 0;
        int taken = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            int left = segments[i].Rows - Math.Max(0, row - segments[i].Row);
            if (left <= 0)
            {
                continue;
            }
            int each = forms[i]?.ExpandedRows ?? 1;
            int rows = Math.Min(left, Math.Max((MostCopies - copies) / each, taken == 0 ? 1 : 0));
            if (rows == 0)
            {
                break;
            }
            block.Add(SegmentOf(i, taken, rows));
            taken += rows;
            copies += rows * each;
            if (rows < left)
            {
                break;
            }
        }
        return taken;
    }

    private HadamardSegment SegmentOf(int segment, int row, int rows)
    {
        HadamardSegment own = new() { Row = row, Rows = rows, Scale = 1f };
        if (forms[segment]?.Around is { } part)
        {
            own.Use(part.Factors.Pointer, part.Rank, site.Inputs, site.Outputs, part.Type);
            (own.Scale, own.AddsBase) = (part.Scale, part.AddsBase);
        }
        return own;
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
        int plain = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            (_, int row, int rows) = segments[i];
            SiteForm? form = forms[i];
            bool done = form is null && changes[i] is not null;
            bool own = form is { Post.Exists: true } or { Bias.Exists: true };
            if (!done && !own)
            {
                // Neighbours that need nothing but the base's bias get it together.
                plain += rows;
                continue;
            }
            AddBias(linear, y, row - plain, plain);
            plain = 0;
            if (done)
            {
                continue;
            }
            Span<float> part = y.ViewRows(row, rows).Span;
            if (form is { Post.Exists: true })
            {
                Elementwise.ScaleRows(form.Post.Span, part, linear.Outputs);
            }
            if (form is { Bias.Exists: true })
            {
                Elementwise.AddRow(form.Bias.Span, part, linear.Outputs);
            }
            else
            {
                AddBias(linear, y, row, rows);
            }
        }
        AddBias(linear, y, y.Rows - plain, plain);
    }

    private static void AddBias(LinearSite linear, in Tensor y, int row, int rows)
    {
        if (rows > 0 && linear.Bias is not null)
        {
            Elementwise.AddRow(linear.Bias.Value.Span, y.ViewRows(row, rows).Span, linear.Outputs);
        }
    }
}
