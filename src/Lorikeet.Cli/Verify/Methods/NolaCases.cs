using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify.Methods;

/// <summary>The kinds of cases of the card nola: a layer over a given basis, many adapters of one basis, coefficient codes.</summary>
internal static class NolaCases
{
    public static void Verify(MethodCase @case)
    {
        if (@case.Has("codes"))
        {
            Codes(@case);
        }
        else if (@case.Has("x"))
        {
            Layer(@case);
        }
        else if (@case.Has("expanded.A"))
        {
            Many(@case);
        }
        else
        {
            throw new NotSupportedException("official NOLA checkpoints are not read: their basis comes from PyTorch's random stream, dump it instead");
        }
    }

    private static void Layer(MethodCase @case)
    {
        using OneLayer model = @case.Layer();
        NolaSite site = new(@case.Vector("param.alpha"), @case.Vector("param.beta"), Basis(@case, "A"), Basis(@case, "B"), @case.Number("scale", 1f));
        (Tensor a, Tensor b) = site.Expand();
        @case.Compare("expanded.A", a.Span, "expanded.A");
        @case.Compare("expanded.B", b.Span, "expanded.B");
        a.Free();
        b.Free();
        @case.CompareLayer(
            model, site, ("grad.alpha", () => Gradient(site.Alpha)), ("grad.beta", () => Gradient(site.Beta)));
        Fresh(@case);
    }

    /// <summary>What a fresh adapter of these settings has: its scale, its number of parameters, its start.</summary>
    private static void Fresh(MethodCase @case)
    {
        using OneLayer model = @case.Layer();
        bool vit = @case.Value("start_alpha") is not null;
        JsonObject config = new()
        {
            ["r"] = @case.Integer("rank"),
            ["num_basis"] = @case.Integer("k"),
            ["num_basis_b"] = @case.Integer("l"),
            ["form"] = vit ? "vit" : "llm",
            ["target_modules"] = new JsonArray(model.Layer.Name),
        };
        if (@case.Option("lora_alpha") is { } alpha)
        {
            config["lora_alpha"] = alpha.GetDouble();
        }
        using TrainedAdapter adapter = AdapterMethods.Find("nola").Create("fresh", model, config, new CounterRandom(1));
        NolaSite site = (NolaSite)adapter[model.Layer]!;
        @case.Report.Each("scale", [site.Scale], [@case.Number("scale", 1f)], 1e-6, 0);
        @case.CompareNumber("start_alpha", site.Alpha.Value.Span[0]);
        @case.CompareNumber("start_beta", site.Beta.Value.Span[0]);
        @case.CompareCount(adapter.ParameterCount);
    }

    private static void Many(MethodCase @case)
    {
        int adapters = @case.Integer("T");
        foreach (string factor in (string[])["A", "B"])
        {
            using StoredBasis basis = Basis(@case, factor);
            float[] coefficients = @case.Read(factor == "A" ? "param.alpha" : "param.beta");
            int length = checked((int)basis.Shape.Length);
            float[] together = new float[adapters * length], apart = new float[adapters * length];
            basis.ExpandMany(coefficients, adapters, together);
            @case.Compare($"expanded.{factor}", together, $"expanded.{factor}");
            for (int i = 0; i < adapters; i++)
            {
                basis.Expand(coefficients.AsSpan(i * basis.Count, basis.Count), apart.AsSpan(i * length, length));
            }
            @case.Compare($"expanded.{factor} one by one", apart, $"expanded.{factor}");
        }
    }

    private static void Codes(MethodCase @case)
    {
        int bits = @case.Integer("bits");
        float[] values = @case.Read("coefficients"), restored = new float[values.Length];
        sbyte[] codes = new sbyte[values.Length];
        float scale = CoefficientCodes.Encode(values, bits, codes);
        @case.Report.Equal("levels", CoefficientCodes.Levels(bits) == @case.Integer("levels"), $"{CoefficientCodes.Levels(bits)} computed, {@case.Integer("levels")} expected");
        float[] expected = @case.Read("codes");
        @case.Report.Equal("codes", codes.Select(c => (float)c).SequenceEqual(expected), "the codes differ");
        CoefficientCodes.Decode(codes, bits, scale, restored);
        @case.Compare("restored", restored, "restored");
    }

    /// <summary>The dumped matrices of a factor, [k, rows, columns], and its fixed part.</summary>
    private static StoredBasis Basis(MethodCase @case, string factor)
    {
        IReadOnlyList<long> shape = @case.Shape($"basis.{factor}");
        Shape one = new((int)shape[1], (int)shape[2]);
        Tensor all = Filled(@case.Read($"basis.{factor}"), new Shape((int)shape[0], checked((int)one.Length)));
        string start = factor + "0";
        return new StoredBasis(all, one, @case.Has(start) ? Filled(@case.Read(start), one) : default);
    }

    private static Tensor Filled(float[] values, Shape shape)
    {
        Tensor tensor = Storage.Zeros(shape);
        values.CopyTo(tensor.Span);
        return tensor;
    }

    private static float[] Gradient(Parameter parameter) => parameter.Gradient.Span.ToArray();
}
