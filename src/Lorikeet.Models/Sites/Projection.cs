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
    public void Forward(ModelRun run, in Tensor x, Span<Tensor> y)
    {
        if (run.Plan?.Of(sites) is { } plan)
        {
            plan.Forward(run, x, y);
            return;
        }
        if (run.Tape is null && run.Tap is null && sites.Length > 1)
        {
            Together(run, x, y);
            return;
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
    }

    // What is not recorded runs as one job, where the weights' kind can.
    private void Together(ModelRun run, in Tensor x, Span<Tensor> y)
    {
        for (int i = 0; i < sites.Length; i++)
        {
            y[i] = run.Allocate(x.Rows, sites[i].Outputs);
        }
        Prepared prepared = sites[0].Weight.Prepare(run, x);
        string preparation = sites[0].Weight.Preparation;
        bool done = SharedProducts.Multiply(run, sites, prepared, y);
        for (int i = 0; i < sites.Length; i++)
        {
            Weight weight = sites[i].Weight;
            if (!done)
            {
                prepared = preparation == weight.Preparation ? prepared : weight.Prepare(run, x);
                preparation = weight.Preparation;
                weight.Multiply(run, prepared, y[i]);
            }
            if (sites[i].Bias is not null)
            {
                y[i] = AddRow.Into(run, y[i], sites[i].UseBias(run));
            }
        }
    }

    /// <summary>Runs a projection of one layer.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs].</param>
    public Tensor Forward(ModelRun run, in Tensor x)
    {
        Tensor y = default;
        Forward(run, x, new Span<Tensor>(ref y));
        return y;
    }
}
