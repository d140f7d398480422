using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Cli.Eval;

/// <summary>The likelihood of text, an adapter a line.</summary>
internal static class TextTable
{
    /// <summary>Measures and prints.</summary>
    public static int Measure(
        LanguageModel model, EvaluatedAdapters who, TokenDocuments documents, string path, int budget, bool coded, bool json, CancellationToken stop)
    {
        if (documents.PieceCount == 0)
        {
            throw new BadFileException($"{path} has no token to measure; expected documents of at least two tokens.");
        }
        if (documents.CutCount > 0)
        {
            Console.Error.WriteLine($"note: {documents.CutCount} of {documents.DocumentCount} documents are longer than the context of {documents.Context} tokens; their ends were dropped (--context)");
        }
        if (!json)
        {
            Console.WriteLine($"{"adapter",-28}{"loss",10}{"perplexity",12}{"bits/byte",11}{"targets",12}");
        }
        foreach (Adapter? adapter in who.All)
        {
            Print(adapter?.Name, Evaluator.Run(model, adapter, Batches(documents, budget, stop), coded), json);
        }
        return 0;
    }

    // One after another: data may be larger than memory.
    private static IEnumerable<Batch> Batches(TokenDocuments documents, int budget, CancellationToken stop)
    {
        PackedBatches source = new(documents.All(), budget, default, shuffle: false);
        while (source.Position.Epoch == 0)
        {
            stop.ThrowIfCancellationRequested();
            yield return source.Next();
        }
    }

    private static void Print(string? name, in Evaluation evaluation, bool json)
    {
        if (!json)
        {
            string bits = double.IsNaN(evaluation.BitsPerByte) ? "-" : evaluation.BitsPerByte.ToString("F4", CultureInfo.InvariantCulture);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{name ?? "(none)",-28}{evaluation.Loss,10:F4}{evaluation.Perplexity,12:F3}{bits,11}{evaluation.Targets,12}"));
            return;
        }
        JsonObject line = new()
        {
            ["adapter"] = name,
            ["loss"] = Finite(evaluation.Loss),
            ["perplexity"] = Finite(evaluation.Perplexity),
            ["bits_per_byte"] = Finite(evaluation.BitsPerByte),
            ["targets"] = evaluation.Targets,
            ["bytes"] = evaluation.Bytes,
        };
        Console.WriteLine(line.ToJsonString());
    }

    internal static JsonNode? Finite(double value) => double.IsFinite(value) ? value : null;
}
