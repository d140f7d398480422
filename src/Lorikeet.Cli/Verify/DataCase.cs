using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>Batches of the area <c>training</c> that no run belongs to: each row's text goes through the product's own layout and tokens, and comes back as it was.</summary>
internal static class DataCase
{
    /// <summary>The batches of a folder, or null.</summary>
    public static string? Find(string folder) =>
        ((string[])["batches.safetensors", "batch.safetensors"]).Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Folders that hold batches and nothing to train.</summary>
    public static IEnumerable<string> Cases(string folder) =>
        VerifyRunner.FoldersWith(folder, "case.json").Where(found => Find(found) is not null && !Directory.EnumerateDirectories(found).Any() && !IsResult(found));

    public static void Verify(string folder, CaseReport report)
    {
        ByteTokenizer tokenizer = new();
        int row = 0;
        bool ids = true, targets = true, lengths = true;
        string note = "";
        foreach (Batch batch in BatchFile.Read(Find(folder)!))
        {
            int start = 0;
            foreach (int length in batch.Lengths)
            {
                Batch made = Make(tokenizer, batch, start, length);
                ReadOnlySpan<int> wanted = batch.Tokens.AsSpan(start, length);
                int[] labels = [.. batch.Targets.AsSpan(start, length).ToArray().Select(t => Math.Max(t, -1))];
                lengths &= made.Tokens.Length >= length - 1;
                // The last token of a row is a target only; a row that was cut ends before its text's end token.
                int both = Math.Min(made.Tokens.Length, length);
                bool same = made.Tokens.AsSpan(0, both).SequenceEqual(wanted[..both]), alike = made.Targets.AsSpan(0, Math.Min(both, length - 1)).SequenceEqual(labels.AsSpan(0, Math.Min(both, length - 1)))
                    && (batch.Kind != BatchKind.Classes || made.Targets[^1] == labels[^1]);
                note = same && alike ? note : $"row {row}";
                (ids, targets) = (ids & same, targets & alike);
                start += length;
                row++;
            }
        }
        report.Equal("input_ids", ids, note);
        report.Equal("labels", targets, note);
        report.Equal("attention_mask", lengths, note);
    }

    private static Batch Make(ByteTokenizer tokenizer, Batch batch, int start, int length)
    {
        Span<int> tokens = batch.Tokens.AsSpan(start, length);
        if (batch.Kind == BatchKind.Classes)
        {
            int label = batch.Targets[start + length - 1];
            DataRecord text = new([new TextPart(tokenizer.Decode(tokens), false)], false) { Label = $"{label}" };
            return DocumentTokens.Encode([text], tokenizer, length, DataTask.Classify, [.. Enumerable.Range(0, label + 1).Select(l => $"{l}")]).Pack([0]);
        }
        int first = batch.Targets.AsSpan(start, length).IndexOfAnyInRange(0, int.MaxValue) + 1;
        bool ended = tokens[^1] == tokenizer.EosId;
        TextPart answer = new(tokenizer.Decode(ended ? tokens[first..^1] : tokens[first..]), true);
        // Of a whole text the first token is no target either.
        DataRecord record = first > 1 ? new([new TextPart(tokenizer.Decode(tokens[..first]), false), answer], false) : new([new TextPart(tokenizer.Decode(tokens[..1]) + answer.Text, true)], true);
        return DocumentTokens.Encode([record], tokenizer, length).Pack([0]);
    }

    private static bool IsResult(string folder)
    {
        using System.Text.Json.JsonDocument json = TrainingReference.Read(folder);
        return json.RootElement.TryGetProperty("tolerance", out _) || json.RootElement.TryGetProperty("source", out _);
    }
}
