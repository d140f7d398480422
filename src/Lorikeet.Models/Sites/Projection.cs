using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Linear layers that read one input and run as one product: q, k and v are one; gate and up are one. The only way into a linear layer.</summary>
public sealed class Projection
{
    private readonly LinearSite[] sites;

    /// <summary>A projection.</summary>
    /// <param name="sites">Its layers, all of one input width.</param>
    public Projection(params LinearSite[] sites)
    {
        ArgumentNullException.ThrowIfNull(sites);
        for (int i = 1; i < sites.Length; i++)
        {
            if (sites[i].Inputs != sites[0].Inputs)
            {
                throw new ArgumentException($"{sites[i]} reads rows of {sites[i].Inputs}, {sites[0]} rows of {sites[0].Inputs}: one projection has one input");
            }
        }
        this.sites = sites;
    }

    /// <summary>The layers.</summary>
    public IReadOnlyList<LinearSite> Sites => sites;

    /// <summary>Runs all layers for all rows, each row with its own adapter.</summary>
    /// <param name="run">The run; its plan says which rows have which adapter.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="y">Receives one tensor a layer, [rows, outputs].</param>
    public void Forward(ModelRun run, in Tensor x, Span<Tensor> y) => Forward(run, x, y, default);

    /// <summary>Runs all layers for all rows, each row with its own adapter, and what follows.</summary>
    /// <param name="run">The run; its plan says which rows have which adapter.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="y">Scratch for one tensor a layer.</param>
    /// <param name="after">What is done to what the layers give.</param>
    /// <returns>[rows, outputs], the result of what follows.</returns>
    public Tensor Forward(ModelRun run, in Tensor x, Span<Tensor> y, in Following after)
    {
        y = y[..sites.Length];
        if (run.Plan?.Of(sites) is { } plan)
        {
            return plan.Forward(run, x, y, after);
        }
        if (run.Tape is null && run.Tap is null)
        {
            return Together(run, x, y, after);
        }
        Prepared prepared = default;
        string? preparation = null;
        for (int i = 0; i < sites.Length; i++)
        {
            LinearSite site = sites[i];
            run.Tap?.Input(site, x);
            // The input is prepared once for all layers that read it in the same form.
            if (preparation != site.Weight.Preparation)
            {
                prepared = site.Weight.Prepare(run, x);
                preparation = site.Weight.Preparation;
            }
            y[i] = Linear.Forward(run, prepared, site.Weight, site.UseBias(run));
            run.Tap?.Output(site, y[i]);
        }
        return after.Finish(run, y);
    }

    // What is not recorded runs as one job, where the weights' kind can.
    private Tensor Together(ModelRun run, in Tensor x, Span<Tensor> y, in Following after)
    {
        for (int i = 0; i < sites.Length; i++)
        {
            y[i] = run.Allocate(x.Rows, sites[i].Outputs);
        }
        Prepared prepared = sites[0].Weight.Prepare(run, x);
        // Only kernels that read codes write them.
        bool coded = after.Next?.ReadsCodes(run) == true && ReadsCodes(run);
        Tensor codes = coded ? run.AllocateCodes(x.Rows, sites[^1].Outputs) : default;
        Span<Epilogue> following = stackalloc Epilogue[sites.Length];
        for (int i = 0; i < sites.Length; i++)
        {
            following[i] = after.Of(i, sites[i].Bias, y, codes);
        }
        if (SharedProducts.Multiply(run, sites, prepared, y, default, following))
        {
            if (coded)
            {
                run.KeepCodes(y[^1], codes);
            }
            return y[^1];
        }
        string preparation = sites[0].Weight.Preparation;
        for (int i = 0; i < sites.Length; i++)
        {
            Weight weight = sites[i].Weight;
            prepared = preparation == weight.Preparation ? prepared : weight.Prepare(run, x);
            preparation = weight.Preparation;
            weight.Multiply(run, prepared, y[i]);
            following[i].Apply(y[i].Span, sites[i].Outputs);
        }
        if (coded)
        {
            run.KeepCodes(y[^1], codes);
        }
        return y[^1];
    }

    /// <summary>True where the layers read their input as 8-bit codes.</summary>
    /// <param name="run">The run.</param>
    internal bool ReadsCodes(ModelRun run) => sites[0].Weight.ReadsCodes(run);

    /// <summary>Runs a projection of one layer.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs].</param>
    public Tensor Forward(ModelRun run, in Tensor x) => Forward(run, x, default(Following));

    /// <summary>Runs a projection of one layer, and what follows.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="after">What is done to what the layer gives.</param>
    /// <returns>[rows, outputs].</returns>
    public Tensor Forward(ModelRun run, in Tensor x, in Following after)
    {
        Tensor y = default;
        return Forward(run, x, new Span<Tensor>(ref y), after);
    }
}
