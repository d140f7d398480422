using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify.Methods;

/// <summary>The kinds of cases of the card pissa: a start, training and conversion to a plain LoRA, the four-bit start.</summary>
internal static class PissaCases
{
    public static void Verify(MethodCase @case)
    {
        if (@case.Has("export.A"))
        {
            Convert(@case);
        }
        else if (@case.Has("residual"))
        {
            Start(@case);
        }
        else
        {
            Quantised(@case);
        }
    }

    private static void Start(MethodCase @case)
    {
        using OneLayer model = @case.Layer();
        string name = @case.Option("init_lora_weights")!.Value.GetString()!;
        using TrainedAdapter adapter = Fresh(@case, model, name);
        LowRankSite site = (LowRankSite)adapter[model.Layer]!;
        LowRankPair start = site.Start!;
        int outputs = model.Layer.Outputs, inputs = model.Layer.Inputs;
        @case.Report.Each("scale", [site.Pair.Scale], [@case.Number("scale", 1f)], 1e-6, 0);
        float[] product = new float[outputs * inputs], left = @case.Read("weight");
        MatrixProduct.Multiply(start.B.Value.Span, false, start.A.Value.Span, false, product, outputs, inputs, start.Rank, start.Scale);
        Elementwise.Subtract(left, product, left);
        @case.Compare("product", product, "product");
        if (name == "pissa")
        {
            @case.Compare("residual", left, "residual");
        }
        else
        {
            // Another draw of a random basis: the residual's error is the product's, so it is measured on the product's scale.
            float[] taken = @case.Read("weight");
            Elementwise.Subtract(taken, @case.Read("residual"), taken);
            @case.Compare("residual", taken, "product");
        }
        @case.Compare("BtB", [.. Enumerable.Range(0, start.Rank).Select(k => Sum(Enumerable.Range(0, outputs).Select(o => start.B.Value.Row(o)[k])))], "BtB");
        @case.Compare("AAt", [.. Enumerable.Range(0, start.Rank).Select(k => Sum(start.A.Value.Row(k).ToArray()))], "AAt");
        Svd exact = Svd.Thin(Matrix64.Of(outputs, inputs, @case.Read("weight")));
        @case.Compare("singular_values", [.. exact.S.Select(v => (float)v)], "singular_values");
        @case.CompareLayer(model, site);
    }

    private static void Convert(MethodCase @case)
    {
        float scale = @case.Number("scale", 1f);
        // As the case was made: a plain pair over the residual that is given.
        IReadOnlyList<long> shape = @case.Shape("weight");
        using OneLayer residual = OneLayer.Of(new DenseWeight(@case.Read("residual"), (int)shape[0], (int)shape[1]), null);
        using (LowRankSite plain = new(Pair(@case, scale)))
        {
            Train(@case, residual, plain, "over the residual");
        }

        // As the product does it: the weight stays, the start is subtracted. A residual that was rounded gives another run.
        using OneLayer model = @case.Layer();
        using TrainedAdapter adapter = Fresh(@case, model, "pissa");
        LowRankSite site = (LowRankSite)adapter[model.Layer]!;
        foreach ((Parameter parameter, string tensor) in new[] { (site.Pair.A, "start.A"), (site.Start!.A, "start.A"), (site.Pair.B, "start.B"), (site.Start.B, "start.B") })
        {
            @case.Read(tensor).CopyTo(parameter.Value.Span);
        }
        float[] left = @case.Read("weight"), given = @case.Read("residual");
        MatrixProduct.Multiply(site.Start.B.Value.Span, false, site.Start.A.Value.Span, false, left, (int)shape[0], (int)shape[1], site.Start.Rank, -scale, true);
        if (left.Zip(given, (x, y) => Math.Abs(x - y)).Max() < 1e-5f)
        {
            Train(@case, model, site, "beside the weight");
        }
        else
        {
            @case.Read("final.A").CopyTo(site.Pair.A.Value.Span);
            @case.Read("final.B").CopyTo(site.Pair.B.Value.Span);
        }
        Exported(@case, adapter, site);
    }

    private static void Exported(MethodCase @case, TrainedAdapter adapter, LowRankSite site)
    {
        (float[] a, float[] b) = site.Whole();
        @case.Compare("export.A", a, "export.A");
        @case.Compare("export.B", b, "export.B");
        float[] weight = @case.Read("weight"), before = [.. weight];
        site.Merge(((OneLayer)adapter.Model).Layer, weight, new float[site.Pair.B.Value.Rows]);
        Elementwise.Subtract(weight, before, weight);
        @case.Compare("export.delta", weight, "export.delta");
        JsonObject written = adapter.FileConfig;
        foreach ((string key, JsonNode? value) in JsonNode.Parse(@case.Option("converted")!.Value.GetRawText())!.AsObject())
        {
            JsonNode? own = written[key == "alpha" ? "lora_alpha" : key];
            bool same = value!.GetValueKind() == JsonValueKind.Number
                ? Math.Abs(value.GetValue<double>() - double.Parse(own!.ToJsonString(), CultureInfo.InvariantCulture)) < 1e-9
                : JsonNode.DeepEquals(value, own);
            @case.Report.Equal($"converted.{key}", same, $"{own?.ToJsonString()} written, {value.ToJsonString()} expected");
        }
        Count(@case, "parameters_trained", adapter.ParameterCount);
        Count(@case, "parameters_converted", adapter.FileTensors.Sum(t => t.Shape.Aggregate(1L, (x, y) => x * y)));
    }

    /// <summary>AdamW on the mean over all elements of (y - target)^2.</summary>
    private static void Train(MethodCase @case, OneLayer model, LowRankSite site, string how)
    {
        IReadOnlyList<long> shape = @case.Shape("x");
        (int steps, int tokens, int inputs, int outputs) = ((int)shape[0], (int)shape[1], (int)shape[2], model.Layer.Outputs);
        // The plan of a batch wants an adapter; the site stays the caller's.
        Adapter adapter = new("case", model);
        adapter.Set(model.Layer, site);
        float[] x = @case.Read("x"), target = @case.Read("target");
        JsonElement betas = @case.Option("betas")!.Value;
        AdamW optimizer = new(betas[0].GetDouble(), betas[1].GetDouble(), @case.Option("eps")!.Value.GetDouble());
        Parameter[] parameters = [site.Pair.A, site.Pair.B];
        OptimizerState[] states = [.. parameters.Select(p => ((IOptimizer)optimizer).Begin(p))];
        double rate = @case.Option("lr")!.Value.GetDouble(), decay = @case.Option("weight_decay")!.Value.GetDouble();
        double[] losses = new double[steps];
        for (int step = 0; step < steps; step++)
        {
            using ModelRun run = new() { Tape = new Tape(), Plan = BatchPlan.For(adapter, tokens) };
            run.Tape.Begin(run);
            Tensor input = run.Allocate(tokens, inputs), seed = run.Allocate(tokens, outputs);
            x.AsSpan(step * tokens * inputs, tokens * inputs).CopyTo(input.Span);
            Tensor y = model.Logits(run, input);
            Elementwise.Subtract(y.Span, target.AsSpan(step * tokens * outputs, tokens * outputs), seed.Span);
            losses[step] = seed.Span.ToArray().Average(d => (double)d * d);
            Elementwise.Scale(seed.Span, 2f / (tokens * outputs), seed.Span);
            run.Tape.Backward(run, y, seed);
            optimizer.Step([.. parameters.Select((p, i) => new Update(p, p.Gradient, states[i], rate, decay))]);
            Array.ForEach(parameters, p => p.ClearGradient());
        }
        Array.ForEach(states, state => state.Dispose());
        @case.Report.Each($"loss {how}", losses, [.. @case.Value("loss")!.Value.EnumerateArray().Select(v => v.GetDouble())], 1e-4, 1e-6);
        @case.Compare($"final.A {how}", site.Pair.A.Value.Span, "final.A");
        @case.Compare($"final.B {how}", site.Pair.B.Value.Span, "final.B");
    }

    private static void Quantised(MethodCase @case)
    {
        IReadOnlyList<long> shape = @case.Shape("weight");
        (int outputs, int inputs, int rank) = ((int)shape[0], (int)shape[1], @case.Integer("r"));
        using DenseWeight weight = new(@case.Read("weight"), outputs, inputs);
        float scale = @case.Number("scale", 1f);
        QuantisedStart start = QuantisedStart.Of(weight, rank, @case.Integer("rounds"), scale);
        using FourBitWeight restored = start.Base, alone = FourBitWeight.Quantise(weight.ToArray(), outputs, inputs, "nf4");
        float[] product = new float[outputs * inputs];
        MatrixProduct.Multiply(start.B, false, start.A, false, product, outputs, inputs, rank, scale);
        @case.Compare("base", restored.ToArray(), "base");
        @case.Compare("product", product, "product");
        float[] left = weight.ToArray(), lost = weight.ToArray();
        Elementwise.Subtract(left, restored.ToArray(), left);
        Elementwise.Subtract(left, product, left);
        Elementwise.Subtract(lost, alone.ToArray(), lost);
        @case.CompareNumber("error", Math.Sqrt(Sum(left)));
        @case.CompareNumber("error_of_nf4_alone", Math.Sqrt(Sum(lost)));
    }

    private static TrainedAdapter Fresh(MethodCase @case, OneLayer model, string start) => AdapterMethods.Find("lora").Create(
        "fresh",
        model,
        new JsonObject
        {
            ["r"] = @case.Integer("r"),
            ["lora_alpha"] = @case.Option("alpha")!.Value.GetDouble(),
            ["use_rslora"] = @case.Option("use_rslora")!.Value.GetBoolean(),
            ["init_lora_weights"] = start,
            ["target_modules"] = new JsonArray(model.Layer.Name),
        },
        new CounterRandom(1));

    private static LowRankPair Pair(MethodCase @case, float scale) => new(@case.Matrix("start.A"), @case.Matrix("start.B"), scale);

    private static void Count(MethodCase @case, string what, long got) =>
        @case.Report.Equal(what, @case.Value(what) is { } expected && expected.GetInt64() == got, $"{got} computed, {@case.Value(what)} expected");

    private static float Sum(IEnumerable<float> values) => (float)values.Sum(v => (double)v * v);
}
