using System.Globalization;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>An optimiser on given gradients, step by step: parameters and states after some of them.</summary>
internal sealed class OptimizerTrace
{
    private readonly string folder;
    private readonly JsonElement root;
    private readonly CaseReport report;
    private readonly double[] rates;
    private readonly string source;

    private OptimizerTrace(string folder, JsonElement root, CaseReport report)
    {
        this.folder = folder;
        this.root = root;
        this.report = report;
        rates = TrainingReference.Numbers(root.GetProperty("lr"));
        source = root.GetProperty("source").GetString()!;
    }

    /// <summary>Compares every trace of a case: with the subspaces it gives, and with our own where it has a trace for those.</summary>
    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        OptimizerTrace trace = new(folder, root, report);
        (double Absolute, double Relative) tolerance = TrainingReference.Tolerance(root.GetProperty("tolerance"));
        string? given = ((string[])["projections", "subspaces"]).FirstOrDefault(f => File.Exists(Path.Combine(folder, f + ".safetensors")));
        trace.Run("trace", given, compareGiven: false, tolerance);
        if (File.Exists(Path.Combine(folder, "trace-float32.safetensors")))
        {
            trace.Run("trace-float32", null, false, (1e-5, 0));
        }
        if (File.Exists(Path.Combine(folder, "trace-canonical-signs.safetensors")))
        {
            (double, double) own = root.TryGetProperty("tolerance_canonical_signs", out JsonElement other) ? TrainingReference.Tolerance(other) : tolerance;
            trace.Run("trace-canonical-signs", "projections-canonical-signs", compareGiven: true, own);
        }
    }

    private void Run(string traceName, string? given, bool compareGiven, (double Absolute, double Relative) tolerance)
    {
        string inputs = Inputs();
        using SafetensorsFile starts = SafetensorsFile.Open(Path.Combine(inputs, "params.safetensors"));
        using SafetensorsFile gradients = SafetensorsFile.Open(Path.Combine(inputs, "gradients.safetensors"));
        using SafetensorsFile trace = SafetensorsFile.Open(Path.Combine(folder, traceName + ".safetensors"));
        using SafetensorsFile? subspaces = given is null ? null : SafetensorsFile.Open(Path.Combine(folder, given + ".safetensors"));
        int step = 0;
        OptimizerSettings settings = OptimizerCaseSettings.Read(root.GetProperty("settings"), source, rates, out string name, out double decay);
        if (subspaces is not null && !compareGiven)
        {
            settings = settings with { Replace = own => new GivenSubspace(own, subspaces, () => step) };
        }
        IOptimizer optimizer = Optimizers.Create(name, settings);
        HashSet<string> unread = [.. trace.Tensors.Where(t => t.Count > 0).Select(t => t.Name)];
        List<Item> items = [];
        try
        {
            foreach (JsonElement element in root.GetProperty("parameters").EnumerateArray())
            {
                string key = element.GetString()!;
                Parameter parameter = new(key, TrainingReference.Load(starts, key));
                items.Add(new Item(parameter, TrainingReference.Floats(gradients, "grad." + key), Storage.Zeros(parameter.Value.Shape), optimizer.Begin(parameter), Projected(parameter)));
            }
            int steps = root.GetProperty("steps").GetInt32();
            HashSet<int> snapshots = [.. root.GetProperty("snapshots").EnumerateArray().Select(e => e.GetInt32())];
            Update[] updates = new Update[items.Count];
            for (step = 1; step <= steps; step++)
            {
                for (int i = 0; i < updates.Length; i++)
                {
                    Item item = items[i];
                    item.All.AsSpan((step - 1) * item.Gradient.Span.Length, item.Gradient.Span.Length).CopyTo(item.Gradient.Span);
                    updates[i] = new Update(item.Parameter, item.Gradient, item.State, rates.Length > 0 ? rates[step - 1] : 0, decay) { Projected = item.Projected };
                }
                optimizer.Step(updates);
                foreach (Item item in items)
                {
                    if (snapshots.Contains(step))
                    {
                        Compare(trace, traceName, step, item, tolerance, unread);
                    }
                    if (compareGiven)
                    {
                        CompareBasis(subspaces!, step, item);
                    }
                }
            }
        }
        finally
        {
            items.ForEach(item => item.Free());
        }
        report.Equal($"{traceName}: tensors", unread.Count == 0, $"not compared: {string.Join(", ", unread.Order(StringComparer.Ordinal).Take(5))}");
    }

    private string Inputs() => File.Exists(Path.Combine(folder, "params.safetensors"))
        ? folder
        : TrainingReference.Beside(folder, root.TryGetProperty("inputs", out JsonElement named) ? named.GetString()! : "inputs");

    private bool Projected(Parameter parameter)
    {
        JsonElement settings = root.GetProperty("settings");
        return Lists("projected") ?? (Lists("plain") is { } plain ? !plain : parameter.Value.Shape.Rank == 2);

        bool? Lists(string list) => settings.TryGetProperty(list, out JsonElement names) ? names.EnumerateArray().Any(n => n.GetString() == parameter.Name) : null;
    }

    private void Compare(SafetensorsFile trace, string traceName, int step, Item item, (double Absolute, double Relative) tolerance, HashSet<string> unread)
    {
        string prefix = string.Create(CultureInfo.InvariantCulture, $"step{step:D2}."), states = $"{prefix}state.{item.Parameter.Name}.", value = $"{prefix}param.{item.Parameter.Name}";
        bool coded = item.State.Codes.Count > 0 || item.State.Part?.Codes.Count > 0;
        foreach (StoredTensor tensor in trace.Tensors.Where(t => t.Name == value || t.Name.StartsWith(states, StringComparison.Ordinal)))
        {
            if (tensor.Count == 0)
            {
                continue;
            }
            unread.Remove(tensor.Name);
            // A learnt factor as wide as its axis has a gradient of rounding noise, which AdamW turns into steps of full size: the area's README compares two steps.
            if (step > 2 && HasNoise(item))
            {
                continue;
            }
            string what = traceName == "trace" ? tensor.Name : $"{traceName}: {tensor.Name}", key = tensor.Name == value ? "" : tensor.Name[states.Length..];
            if (tensor.Type == StoredType.U8)
            {
                CompareCodes(what, Codes(item.State, key), TrainingReference.Bytes(trace, tensor.Name));
                continue;
            }
            double[] expected = TrainingReference.Wide(TensorFiles.Floats(trace, tensor));
            double[]? got = key.Length == 0 ? TrainingReference.Wide(item.Parameter.Value.Span) : Value(item.State, key);
            if (got is null)
            {
                report.Fail(what, $"the state has no {key}, it has {string.Join(", ", item.State.Names.Concat(item.State.Part?.Names ?? []))}");
            }
            else if (coded && key.Length == 0)
            {
                // A moment between two codes may fall either way: the case asks for 99 of 100 entries.
                int within = got.Zip(expected, (g, e) => Math.Abs(g - e) <= tolerance.Absolute + (tolerance.Relative * Math.Abs(e)) ? 1 : 0).Sum();
                report.Equal(what, within >= 0.99 * got.Length && got.Length == expected.Length, $"{within} of {got.Length} entries are within the tolerance, 99 % expected");
            }
            else
            {
                report.Each(what, got, expected, tolerance.Relative, tolerance.Absolute);
            }
        }
    }

    private static bool HasNoise(Item item)
    {
        Shape shape = item.Parameter.Value.Shape;
        return Enumerable.Range(0, shape.Rank).Any(axis => item.State.Has($"factor{axis}_avg") && item.State[$"factor{axis}"].Width == shape[axis]);
    }

    private void CompareCodes(string what, byte[]? got, byte[] expected)
    {
        if (got is null || got.Length != expected.Length)
        {
            report.Fail(what, $"{got?.Length ?? 0} codes, {expected.Length} expected");
            return;
        }
        int equal = got.Zip(expected, (g, e) => g == e ? 1 : 0).Sum(), apart = got.Zip(expected, (g, e) => Math.Abs(g - e)).Max();
        report.Equal(what, equal >= 0.99 * got.Length && apart <= 1, $"{equal} of {got.Length} codes are equal, the others up to {apart} apart; 99 % and 1 expected");
    }

    private void CompareBasis(SafetensorsFile subspaces, int step, Item item)
    {
        foreach (string side in (string[])["left", "right"])
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"step{step:D2}.{item.Parameter.Name}.{side}");
            if (subspaces.TryGet(name, out StoredTensor? tensor) && item.State.Has(side))
            {
                report.Each($"own {name}", TrainingReference.Wide(item.State[side].Span), TrainingReference.Wide(TensorFiles.Floats(subspaces, tensor)), 0, 2e-5);
            }
        }
    }

    private static double[]? Value(OptimizerState state, string key)
    {
        if (key == "step")
        {
            return [state.Steps];
        }
        if (state.Has(key))
        {
            return TrainingReference.Wide(state[key].Span);
        }
        // A direction's moments are those of the optimiser that runs on it.
        return state.Part is { } part ? Value(part, state.Has("v") && key.EndsWith("_v", StringComparison.Ordinal) ? key[..^2] : key) : null;
    }

    private static byte[]? Codes(OptimizerState state, string key) => state.Codes.Concat(state.Part?.Codes ?? []).FirstOrDefault(c => c.Name == key).Codes;

    private sealed record Item(Parameter Parameter, float[] All, Tensor Gradient, OptimizerState State, bool Projected)
    {
        public void Free()
        {
            Parameter.Dispose();
            Gradient.Free();
            State.Dispose();
        }
    }
}
