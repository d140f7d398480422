using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>
/// What happens at the linear layers of one projection for a batch: shared products, to which the low-rank changes of all layers and rows are added where they are made, or,
/// with forms that need more, in a job of their own.
/// </summary>
internal sealed unsafe class ProjectionPlan
{
    private readonly LinearSite[] sites;
    private readonly SitePlan?[] plans;
    private readonly RowSegment[] segments;
    private readonly Prepared[] prepared;
    private readonly Tensor[] inputs;

    // Site by site; of each, the first change of every form, then the second of those that have one, ... Pinned: kernels hold its address.
    private LowRankSegment[] changes = [];
    private long room;
    private MemoryRegion[] factors = [];

    // What is read first: FLoRA's factors and A of low-rank ones. The projection that was entered before this one fetches it.
    private MemoryRegion[] before = [];
    private ProjectionPlan? follower;

    // Nothing happens to the products but what is done while they are made.
    private bool endsInProducts;

    public ProjectionPlan(LinearSite[] sites, SitePlan?[] plans, RowSegment[] segments)
    {
        this.sites = sites;
        this.plans = plans;
        this.segments = segments;
        prepared = new Prepared[sites.Length];
        inputs = new Tensor[sites.Length];
    }

    /// <summary>Runs all layers for all rows.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="y">Receives one tensor a layer, [rows, outputs].</param>
    /// <param name="after">What is done to what the layers give.</param>
    /// <returns>[rows, outputs], the result of what follows.</returns>
    public Tensor Forward(ModelRun run, in Tensor x, Span<Tensor> y, in Following after)
    {
        bool batched = run.Tape is null && !run.OwnForwards;
        bool changed = false;
        string? preparation = null;
        for (int i = 0; i < sites.Length; i++)
        {
            changed |= batched && plans[i]?.Refresh() == true;
            run.Tap?.Input(sites[i], x);
            // The input is prepared once for all layers that read it in the same form.
            prepared[i] = preparation == sites[i].Weight.Preparation ? prepared[i - 1] : sites[i].Weight.Prepare(run, x);
            preparation = sites[i].Weight.Preparation;
        }
        if (changed)
        {
            changes = Gather();
            room = LowRankChanges.RoomFloats(changes);
            endsInProducts = Array.TrueForAll(plans, plan => plan is null or { EndsInProduct: true });
            factors = Joined(Array.ConvertAll(changes, RegionOf));
            before = Before();
        }
        Follow(run);
        bool ends = batched && endsInProducts && run.Tap is null;
        if (batched && (ends || sites.Length > 1 || plans[0]?.Around.Count > 0) && Together(run, x, y, ends, after))
        {
            if (ends)
            {
                return y[^1];
            }
            Changes(run, x, y);
            return after.Finish(run, y);
        }
        for (int i = 0; i < sites.Length; i++)
        {
            y[i] = plans[i] is not { } plan ? Linear.Forward(run, prepared[i], sites[i].Weight, sites[i].UseBias(run))
                : batched && plan.IsBatched ? run.Allocate(x.Rows, sites[i].Outputs)
                : plan.Own(run, sites[i], prepared[i]);
        }
        if (batched)
        {
            Batched(run, x, y);
        }
        for (int i = 0; i < sites.Length; i++)
        {
            run.Tap?.Output(sites[i], y[i]);
        }
        return after.Finish(run, y);
    }

    /// <summary>The plain products of all sites as one job, where no change needs another; it fetches the factors that are read next.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="y">Receives one tensor a layer, [rows, outputs].</param>
    /// <param name="ends">Scales, biases and what follows are done at once.</param>
    /// <param name="after">What follows.</param>
    private bool Together(ModelRun run, in Tensor x, Span<Tensor> y, bool ends, in Following after)
    {
        for (int i = 0; i < sites.Length; i++)
        {
            if (plans[i] is { TakesPlainInput: false })
            {
                return false;
            }
        }
        Span<HadamardSegments> around = stackalloc HadamardSegments[sites.Length];
        bool any = false;
        for (int i = 0; i < sites.Length; i++)
        {
            around[i] = plans[i]?.Around ?? default;
            any |= around[i].Count > 0;
        }
        for (int i = 0; i < sites.Length; i++)
        {
            y[i] = run.Allocate(x.Rows, sites[i].Outputs);
        }
        // Only kernels that read codes write them.
        bool coded = ends && after.Next?.ReadsCodes(run) == true && sites[0].Weight.ReadsCodes(run);
        Tensor codes = coded ? run.AllocateCodes(x.Rows, sites[^1].Outputs) : default;
        ArenaMark mark = run.Arena.Mark;
        LowRankChanges added = default;
        if (ends && changes.Length > 0)
        {
            added = new LowRankChanges
            {
                First = (LowRankSegment*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(changes)),
                Count = changes.Length,
                X = x.Pointer,
                Inputs = x.Width,
                Room = run.Allocate(1, (int)room).Pointer,
            };
        }
        Span<Epilogue> following = stackalloc Epilogue[ends ? sites.Length : 0];
        for (int i = 0; i < following.Length; i++)
        {
            following[i] = after.Of(i, sites[i].Bias, y, codes);
            plans[i]?.UseOwn(ref following[i]);
            following[i].Changes = added.Count > 0 ? &added : null;
            following[i].Site = i;
        }
        // What is read next: low-rank factors that are added to this product later, or what the next one begins with.
        MemoryRegion[] next = !ends && factors.Length > 0 ? factors : follower?.before ?? [];
        bool done;
        fixed (MemoryRegion* list = next)
        {
            try
            {
                NextReads.Announce(list, next.Length);
                done = SharedProducts.Multiply(run, sites, prepared[0], y, any ? around : default, following);
            }
            finally
            {
                NextReads.Forget();
            }
        }
        run.Arena.Release(mark);
        if (done && coded)
        {
            run.KeepCodes(y[^1], codes);
        }
        return done;
    }

    /// <summary>What is added to the plain products.</summary>
    private void Changes(ModelRun run, in Tensor x, Span<Tensor> y)
    {
        ArenaMark mark = run.Arena.Mark;
        AddLowRank(x, oneInput: true, y);
        for (int i = 0; i < sites.Length; i++)
        {
            if (plans[i] is { } plan)
            {
                plan.Finish(run, sites[i], prepared[i], x, y[i]);
            }
            else if (sites[i].Bias is not null)
            {
                y[i] = AddRow.Into(run, y[i], sites[i].UseBias(run));
            }
            run.Tap?.Output(sites[i], y[i]);
        }
        run.Arena.Release(mark);
    }

    private void Batched(ModelRun run, in Tensor x, Span<Tensor> y)
    {
        ArenaMark mark = run.Arena.Mark;
        bool oneInput = true;
        for (int i = 0; i < sites.Length; i++)
        {
            inputs[i] = plans[i] is { IsBatched: true } plan ? Multiply(run, plan, i, y[i]) : x;
            oneInput &= inputs[i].SameMemory(x);
        }
        AddLowRank(x, oneInput, y);
        for (int i = 0; i < sites.Length; i++)
        {
            if (plans[i] is { IsBatched: true } plan)
            {
                plan.Finish(run, sites[i], prepared[i], inputs[i], y[i]);
            }
        }
        run.Arena.Release(mark);
    }

    /// <summary>The product of one site, which fetches its share of the factors that are read next.</summary>
    private Tensor Multiply(ModelRun run, SitePlan plan, int site, in Tensor y)
    {
        long before = 0, all = 0;
        for (int i = 0; i < sites.Length; i++)
        {
            before += i < site ? sites[i].Outputs : 0;
            all += sites[i].Outputs;
        }
        int from = (int)(factors.Length * before / all), to = (int)(factors.Length * (before + sites[site].Outputs) / all);
        fixed (MemoryRegion* list = factors)
        {
            try
            {
                NextReads.Announce(list + from, to - from);
                return plan.Multiply(run, sites[site], prepared[site], y);
            }
            finally
            {
                NextReads.Forget();
            }
        }
    }

    /// <summary>Tells the projection that was entered last what comes after it: models enter theirs in the same order at each step.</summary>
    private void Follow(ModelRun run)
    {
        if (run.Plan is { } plan)
        {
            if (plan.Entered is { } last)
            {
                last.follower = this;
            }
            plan.Entered = this;
        }
    }

    private MemoryRegion[] Before()
    {
        List<MemoryRegion> list = [];
        for (int site = 0; site < sites.Length; site++)
        {
            HadamardSegments around = plans[site]?.Around ?? default;
            for (int i = 0; i < around.Count; i++)
            {
                HadamardSegment segment = around.First[i];
                if (segment.Rank > 0)
                {
                    list.Add(new MemoryRegion { Start = segment.B, Bytes = Hadamard.ByteLength(segment.Rank, sites[site].Inputs, sites[site].Outputs, segment.Type) });
                }
            }
        }
        for (int i = 0; i < changes.Length && endsInProducts; i++)
        {
            list.Add(new MemoryRegion { Start = changes[i].Factors, Bytes = LowRank.BytesOfA(changes[i].Rank, sites[0].Inputs, changes[i].Type) });
        }
        return Joined([.. list]);
    }

    /// <summary>Regions that lie side by side become one: forms that were made together are read in longer stretches.</summary>
    private static MemoryRegion[] Joined(MemoryRegion[] regions)
    {
        const int Gap = 256;
        Array.Sort(regions, (a, b) => ((nuint)a.Start).CompareTo((nuint)b.Start));
        int last = -1;
        for (int i = 0; i < regions.Length; i++)
        {
            long apart = last < 0 ? -1 : regions[i].Start - (regions[last].Start + regions[last].Bytes);
            if (apart is >= 0 and < Gap)
            {
                regions[last].Bytes += apart + regions[i].Bytes;
            }
            else
            {
                regions[++last] = regions[i];
            }
        }
        return regions[..(last + 1)];
    }

    private MemoryRegion RegionOf(LowRankSegment segment) => new()
    {
        Start = segment.Factors,
        Bytes = LowRank.ByteLength(segment.Rank, sites[0].Inputs, sites[segment.Site].Outputs, segment.Type),
    };

    private void AddLowRank(in Tensor x, bool oneInput, Span<Tensor> y)
    {
        Span<LowRankResult> results = stackalloc LowRankResult[sites.Length];
        for (int i = 0; i < sites.Length; i++)
        {
            results[i] = new LowRankResult { Y = y[i].Pointer, Rows = y[i].Rows, Outputs = y[i].Width };
        }
        if (oneInput)
        {
            LowRank.Apply(changes, x.Span, x.Width, results);
            return;
        }
        // Sites whose input a form scales read another one: each for itself.
        for (int from = 0, to; from < changes.Length; from = to)
        {
            int site = changes[from].Site;
            for (to = from + 1; to < changes.Length && changes[to].Site == site;)
            {
                to++;
            }
            LowRank.Apply(changes.AsSpan(from, to - from), inputs[site].Span, x.Width, results);
        }
    }

    private LowRankSegment[] Gather()
    {
        List<LowRankSegment> list = [];
        for (int site = 0; site < sites.Length; site++)
        {
            int most = 0;
            for (int part = 0; part <= most; part++)
            {
                for (int i = 0; i < segments.Length; i++)
                {
                    IReadOnlyList<LowRankPart> parts = plans[site]?.Forms[i]?.LowRank ?? [];
                    most = Math.Max(most, parts.Count - 1);
                    if (part < parts.Count)
                    {
                        list.Add(new LowRankSegment
                        {
                            Row = segments[i].Row,
                            Rows = segments[i].Rows,
                            Site = site,
                            Rank = parts[part].Rank,
                            Type = parts[part].Type,
                            Scale = parts[part].Scale,
                            Factors = parts[part].Factors.Pointer,
                        });
                    }
                }
            }
        }
        LowRankSegment[] all = GC.AllocateUninitializedArray<LowRankSegment>(list.Count, pinned: true);
        list.CopyTo(all);
        return all;
    }
}
