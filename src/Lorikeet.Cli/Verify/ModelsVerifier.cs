using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify;

/// <summary>Checks decoder-only language models: folders with config.json and what Transformers computes from them.</summary>
internal sealed class ModelsVerifier : IVerifier
{
    /// <summary>The README's tolerance: |x - golden| at most this times (1 + largest |golden|).</summary>
    private const double Tolerance = 1e-4;

    public string Area => "models";

    /// <summary>Folders with a case.json are models; those with a cases.json are about what follows the logits.</summary>
    public IEnumerable<string> Cases(string folder) =>
        VerifyRunner.FoldersWith(folder, "case.json").Concat(VerifyRunner.FoldersWith(folder, GenerationVerifier.FileName));

    public void Verify(string folder, CaseReport report)
    {
        if (File.Exists(Path.Combine(folder, GenerationVerifier.FileName)))
        {
            GenerationVerifier.Verify(folder, report);
            return;
        }
        ModelCase model = ModelCase.Read(folder);
        foreach (string config in model.Configs)
        {
            string prefix = config == "config.json" ? "" : config + ": ";
            using LanguageModel loaded = ModelLoader.Load(folder, new ModelLoadOptions { ConfigFile = config });
            Logits(loaded, model, prefix, report);
            if (prefix.Length == 0)
            {
                Hidden(loaded, model, report);
                Loss(loaded, model, report);
                Batch(loaded, model, report);
                GreedyVerification.Verify(loaded, folder, report);
                Gradients(loaded, model, folder, report);
            }
        }
        foreach (string name in model.NotCompared)
        {
            report.Fail(name, "golden.safetensors holds a value that is not computed");
        }
    }

    private static void Logits(LanguageModel model, ModelCase golden, string prefix, CaseReport report)
    {
        foreach ((string name, int[] ids) in golden.Sequences)
        {
            if (golden.TryGet("logits." + name, out float[] expected))
            {
                using ModelRun run = new() { Rows = new Rows(ids.Length) };
                Close(report, $"{prefix}logits.{name}", model.Logits(run, model.Forward(run, Input.Of(ids))).Span, expected);
            }
        }
    }

    private static void Hidden(LanguageModel model, ModelCase golden, CaseReport report)
    {
        if (golden.HiddenSequence is not { } name)
        {
            return;
        }
        int[] ids = golden.Sequences[name];
        HiddenTap tap = new(model);
        using ModelRun run = new() { Rows = new Rows(ids.Length), Tap = tap };
        model.Forward(run, Input.Of(ids));
        foreach ((string key, float[] value) in tap.Values)
        {
            if (golden.TryGet(key, out float[] expected))
            {
                Close(report, key, value, expected);
            }
        }
    }

    private static void Loss(LanguageModel model, ModelCase golden, CaseReport report)
    {
        if (golden.LossSequence is not { } name)
        {
            return;
        }
        int[] ids = golden.Sequences[name];
        float[] losses = new float[ids.Length];
        using ModelRun run = new() { Rows = new Rows(ids.Length) };
        Tensor loss = NextTokenLoss(model, run, Input.Of(ids), ids, losses);
        if (golden.TryGet("loss." + name, out float[] expected))
        {
            Close(report, "loss." + name, loss.Span, expected);
        }
        if (golden.TryGet("logprob." + name, out float[] logProbabilities))
        {
            Close(report, "logprob." + name, losses.Take(ids.Length - 1).Select(x => -x).ToArray(), logProbabilities);
        }
    }

    /// <summary>The left-padded batch: its real tokens run side by side, without padding, as one batch.</summary>
    private static void Batch(LanguageModel model, ModelCase golden, CaseReport report)
    {
        if (golden.Batch.Count == 0)
        {
            return;
        }
        int[] lengths = [.. golden.Batch.Select(row => row.Ids.Length)];
        using ModelRun run = new() { Rows = new Rows(lengths) };
        Tensor logits = model.Logits(run, model.Forward(run, Input.Of((int[])[.. golden.Batch.SelectMany(row => row.Ids)])));
        int first = 0;
        foreach ((string name, int[] ids) in golden.Batch)
        {
            if (golden.TryGet("logits." + name, out float[] expected))
            {
                Close(report, $"batch: logits.{name}", logits.ViewRows(first, ids.Length).Span, expected);
            }
            first += ids.Length;
        }
    }

    private static void Gradients(LanguageModel model, ModelCase golden, string folder, CaseReport report)
    {
        string path = Path.Combine(folder, "grads.safetensors");
        if (!File.Exists(path) || golden.GradientIds is not { } ids)
        {
            return;
        }
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Dictionary<string, float[]> expected = file.Tensors.ToDictionary(t => t.Name, t => TensorFiles.Floats(file, t));
        if (expected.TryGetValue("inputs_embeds", out float[]? embeddings))
        {
            // Before the weights train: the gradient of what a frozen model reads.
            Close(report, "grads: inputs_embeds", EmbeddingGradient(model, ids), embeddings);
        }
        model.MakeTrainable();
        using ModelRun run = new() { Rows = new Rows(ids.Length), Tape = new Tape() };
        run.Tape.Begin(run);
        Tensor loss = NextTokenLoss(model, run, Input.Of(ids), ids, []);
        float value = loss.Span[0];
        run.Tape.Backward(run, loss);
        Dictionary<string, Parameter> parameters = model.TrainedParameters.ToDictionary(p => p.Name);
        HashSet<string> transposed = [.. model.Tensors.Where(t => t.Transposed).Select(t => t.Name)];
        foreach ((string name, float[] gradient) in expected.Where(pair => pair.Key != "inputs_embeds"))
        {
            if (name == "loss")
            {
                Close(report, "grads: loss", [value], gradient);
            }
            else if (parameters.TryGetValue(name, out Parameter? parameter) && parameter.HasGradient)
            {
                Close(report, "grads: " + name, transposed.Contains(name) ? TensorFiles.Transposed(parameter.Gradient.Span, parameter.Gradient.Rows) : parameter.Gradient.Span, gradient);
            }
            else
            {
                report.Fail("grads: " + name, "the model has no gradient of that name");
            }
        }
    }

    private static float[] EmbeddingGradient(LanguageModel model, int[] ids)
    {
        Tensor value = Storage.Zeros(new Shape(ids.Length, model.Embedding.Outputs));
        for (int i = 0; i < ids.Length; i++)
        {
            model.ReadEmbedding(ids[i], value.Row(i));
        }
        using Parameter embeddings = new("inputs_embeds", value);
        using ModelRun run = new() { Rows = new Rows(ids.Length), Tape = new Tape() };
        run.Tape.Begin(run);
        Tensor loss = NextTokenLoss(model, run, Input.Of(run.Use(embeddings)), ids, []);
        run.Tape.Backward(run, loss);
        return embeddings.Gradient.Span.ToArray();
    }

    /// <summary>The mean loss of token t + 1 after t.</summary>
    private static Tensor NextTokenLoss(LanguageModel model, ModelRun run, Input input, int[] ids, Span<float> losses)
    {
        int[] targets = [.. ids.Skip(1), -1];
        float[] weights = new float[ids.Length];
        weights.AsSpan(0, ids.Length - 1).Fill(1f / (ids.Length - 1));
        return HeadLoss.Forward(run, model.Forward(run, input), (h, _) => model.Logits(run, h), targets, weights, losses);
    }

    private static void Close(CaseReport report, string what, ReadOnlySpan<float> got, ReadOnlySpan<float> expected) =>
        report.Numbers(what, got, expected, Tolerance, Tolerance);

    /// <summary>Keeps the residual stream before each block, after the last one, and after the last norm.</summary>
    private sealed class HiddenTap(LanguageModel model) : ITap
    {
        public Dictionary<string, float[]> Values { get; } = [];

        public void Input(Site site, in Tensor x)
        {
        }

        public void Output(Site site, in Tensor y)
        {
            if (ReferenceEquals(site, model.FinalNorm))
            {
                Values["hidden.norm"] = y.Span.ToArray();
            }
        }

        public void Residual(int layer, in Tensor h) => Values[$"hidden.{layer + 1}"] = h.Span.ToArray();
    }
}
