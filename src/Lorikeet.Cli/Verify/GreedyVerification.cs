using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify;

/// <summary>Greedy continuations: with state kept between steps, and computed anew at each step.</summary>
internal static class GreedyVerification
{
    /// <summary>Compares greedy.json's tokens.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The case's folder.</param>
    /// <param name="report">Takes the comparisons.</param>
    public static void Verify(LanguageModel model, string folder, CaseReport report)
    {
        string path = Path.Combine(folder, "greedy.json");
        if (!File.Exists(path))
        {
            return;
        }
        using JsonDocument json = SafeJson.ReadObject(path);
        int number = 0;
        foreach (JsonElement element in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            JsonFields fields = new(element, $"{path}: case {number}");
            int[] prompt = [.. fields.Integers("prompt", 0, int.MaxValue - 1)], expected = [.. fields.Integers("tokens", 0, int.MaxValue - 1)];
            Compare(report, $"greedy {number}", Cached(model, prompt, expected.Length), expected);
            Compare(report, $"greedy {number}, recomputed", Recomputed(model, prompt, expected.Length), expected);
            number++;
        }
    }

    private static void Compare(CaseReport report, string what, int[] got, int[] expected) =>
        report.Equal(what, got.SequenceEqual(expected), $"[{string.Join(", ", got)}] computed, [{string.Join(", ", expected)}] expected");

    private static int[] Cached(LanguageModel model, int[] prompt, int count)
    {
        using PagePool pool = new(long.MaxValue, poison: true);
        using SequenceState state = new(pool, model);
        using ModelRun run = new();
        List<int> all = [.. prompt];
        for (int i = 0; i < count; i++)
        {
            run.Arena.Reset();
            if (state.IsStale(all.Count))
            {
                state.Restart();
            }
            int[] next = [.. all.Skip(state.Length)];
            state.Reserve(next.Length);
            run.Rows = new Rows([(state, next.Length)]);
            Tensor hidden = model.Forward(run, Input.Of(next));
            state.Append(next.Length);
            all.Add(Best(model.Logits(run, hidden.ViewRows(next.Length - 1, 1)).Span));
        }
        return [.. all.Skip(prompt.Length)];
    }

    private static int[] Recomputed(LanguageModel model, int[] prompt, int count)
    {
        using ModelRun run = new();
        List<int> all = [.. prompt];
        for (int i = 0; i < count; i++)
        {
            run.Arena.Reset();
            run.Rows = new Rows(all.Count);
            Tensor hidden = model.Forward(run, Input.Of(all.ToArray()));
            all.Add(Best(model.Logits(run, hidden.ViewRows(all.Count - 1, 1)).Span));
        }
        return [.. all.Skip(prompt.Length)];
    }

    private static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }
}
