using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify.Methods;

/// <summary>The kinds of cases of the card flora: a layer, a conversion, a start, a batch of many adapters.</summary>
internal static class FloraCases
{
    public static void Verify(MethodCase @case)
    {
        if (@case.Option("adapter_of_row") is not null)
        {
            Mixed(@case);
        }
        else if (@case.Has("init.eps"))
        {
            Start(@case);
        }
        else
        {
            Layer(@case);
        }
    }

    private static void Layer(MethodCase @case)
    {
        using OneLayer model = @case.Layer();
        FloraForm form = Form(@case);
        FloraSite site = Site(@case, "param.A", "param.B", form, model.Layer.Inputs);
        FloraFactors factors = site.Factors;
        @case.CompareLayer(
            model, site, ("grad.A", () => MethodCase.Turned(site.A.Gradient.Span, site.A.Value.Rows)), ("grad.B", () => MethodCase.Turned(site.B.Gradient.Span, site.Rank)));
        if (@case.Has("residual.A"))
        {
            FloraFactors residual = factors.ToResidual();
            @case.Compare("residual.A", residual.A, "residual.A");
            @case.Compare("residual.B", MethodCase.Turned(residual.B, residual.Rank), "residual.B");
            Answer(@case, model, residual, "y of the residual form");
        }
        Answer(@case, model, factors.ToDirectSum(), "y of the sum form");
    }

    private static void Answer(MethodCase @case, OneLayer model, FloraFactors factors, string what)
    {
        using Adapter adapter = new("converted", model);
        adapter.Set(model.Layer, Site(factors));
        using Parameter x = @case.Matrix("x");
        using ModelRun run = new() { Plan = BatchPlan.For(adapter, x.Value.Rows) };
        @case.Compare(what, model.Logits(run, x.Value).Span, "y");
    }

    private static void Start(MethodCase @case)
    {
        using OneLayer model = @case.Layer();
        int rank = @case.Integer("r");
        FloraFactors start = FloraFactors.Start(
            Form(@case), rank, model.Layer.Outputs, model.Layer.Inputs, MethodCase.Turned(@case.Read("init.eps"), model.Layer.Inputs));
        @case.Compare("init.B", MethodCase.Turned(start.B, rank), "init.B");
        FloraSite site = Site(start);
        @case.CompareLayer(
            model, site, ("grad.A", () => MethodCase.Turned(site.A.Gradient.Span, site.A.Value.Rows)), ("grad.B", () => MethodCase.Turned(site.B.Gradient.Span, site.Rank)));
    }

    /// <summary>Rows of many adapters through one product, served and recorded.</summary>
    private static void Mixed(MethodCase @case)
    {
        using OneLayer model = @case.Layer();
        FloraForm form = Form(@case);
        int count = @case.Option("ranks")!.Value.GetArrayLength();
        int[] adapterOfRow = [.. @case.Option("adapter_of_row")!.Value.EnumerateArray().Select(e => e.GetInt32())];
        FloraSite[] sites = new FloraSite[count];
        Adapter[] adapters = new Adapter[count];
        for (int i = 0; i < count; i++)
        {
            sites[i] = Site(@case, $"param.{i}.A", $"param.{i}.B", form, model.Layer.Inputs);
            adapters[i] = new Adapter($"adapter {i}", model);
            adapters[i].Set(model.Layer, sites[i]);
        }
        BatchPlan plan = new(model, [.. adapterOfRow.Select((a, row) => new RowSegment(a < 0 ? null : adapters[a], row, 1))]);
        using Parameter x = @case.Matrix("x");
        using (ModelRun served = new() { Plan = plan })
        {
            @case.Compare("y", model.Logits(served, x.Value).Span, "y");
        }
        using ModelRun run = new() { Tape = new Tape(), Plan = plan };
        run.Tape.Begin(run);
        Tensor y = model.Logits(run, run.Use(x));
        @case.Compare("y recorded", y.Span, "y");
        using Parameter seed = @case.Matrix("gy");
        run.Tape.Backward(run, y, seed.Value);
        @case.Compare("grad.x", x.Gradient.Span, "grad.x");
        for (int i = 0; i < count; i++)
        {
            @case.Compare($"grad.{i}.A", MethodCase.Turned(sites[i].A.Gradient.Span, sites[i].A.Value.Rows), $"grad.{i}.A");
            @case.Compare($"grad.{i}.B", MethodCase.Turned(sites[i].B.Gradient.Span, sites[i].Rank), $"grad.{i}.B");
        }
        if (@case.Value("expanded_row_offsets") is { } offsets)
        {
            List<int> got = [0];
            foreach (int adapter in adapterOfRow)
            {
                SiteForm? lowered = adapter < 0 ? null : adapters[adapter].Form(model.Layer);
                got.Add(got[^1] + (lowered?.ExpandedRows ?? 1));
            }
            int[] expected = [.. offsets.EnumerateArray().Select(e => e.GetInt32())];
            @case.Report.Equal("expanded_row_offsets", got.SequenceEqual(expected), $"[{string.Join(", ", got)}] computed, {offsets} expected");
        }
        foreach (Adapter adapter in adapters)
        {
            adapter.Dispose();
        }
    }

    private static FloraForm Form(MethodCase @case)
    {
        FloraReduction reduction = @case.Option("reduction")?.GetString() switch
        {
            null or "mean" => FloraReduction.Mean,
            "sum" => FloraReduction.Sum,
            string other => throw new NotSupportedException($"reduction {other} is not built: FLoRA knows mean and sum"),
        };
        return @case.Option("mode")?.GetString() switch
        {
            null or "direct" => new FloraForm(FloraMode.Direct, reduction),
            "residual" => new FloraForm(FloraMode.Residual, FloraReduction.Sum, @case.Number("s", 1f)),
            string other => throw new NotSupportedException($"mode {other} is not built: FLoRA knows direct and residual"),
        };
    }

    /// <summary>Factors of the file, [r, outputs] and [inputs, r]; one that is missing is all ones.</summary>
    private static FloraSite Site(MethodCase @case, string nameA, string nameB, FloraForm form, int inputs)
    {
        Parameter a = @case.Matrix(nameA, transposed: true);
        int rank = a.Value.Width;
        if (@case.Has(nameB))
        {
            return new FloraSite(a, @case.Matrix(nameB, transposed: true), form);
        }
        float[] ones = new float[rank * inputs];
        Array.Fill(ones, 1f);
        return new FloraSite(a, MethodCase.Make(nameB, ones, new Shape(rank, inputs)), form);
    }

    private static FloraSite Site(FloraFactors factors) => new(
        MethodCase.Make("A", MethodCase.Turned(factors.A, factors.Rank), new Shape(factors.Outputs, factors.Rank)),
        MethodCase.Make("B", factors.B, new Shape(factors.Rank, factors.Inputs)),
        factors.Form);
}
