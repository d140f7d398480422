using Lorikeet.Training;

namespace Lorikeet.Tasks;

/// <summary>Kind <c>loss</c>: how likely texts are, or answers to questions. Perplexity by token, bits by byte of UTF-8.</summary>
internal static class Likelihoods
{
    public static IReadOnlyList<EvaluationResult> Run(TaskRun run)
    {
        TaskFile file = run.File;
        int context = Math.Min(run.Options.Context, run.Model.Config.MaxPositions);
        string shots = file.Text is null ? run.Shots(row => file.Prompt!.Fill(row) + file.Answer!.Fill(row)) : "";
        // A question and its answer stay together as far as the model's sequences go; plain text is cut into windows.
        int longest = file.Text is null ? run.Model.Config.MaxPositions - 1 : context;
        using TokenDocuments documents = DocumentTokens.Encode(
            run.Rows().Select(row => file.Text is { } text
                ? new DataRecord([new TextPart(text.Fill(row), true)], true)
                : new DataRecord([new TextPart(run.Laid(shots + file.Prompt!.Fill(row)), false), new TextPart(file.Answer!.Fill(row), true)], false) { Complete = run.Options.Template is not null }),
            run.Tokenizer,
            longest);
        if (documents.PieceCount == 0)
        {
            throw new Models.Files.BadFileException($"the task {run.Name} has no token to measure.");
        }
        if (documents.CutCount > 0)
        {
            run.Note($"{documents.CutCount} texts are longer than {longest} tokens and lost their end");
        }
        int count = run.Adapters.Count;
        double[] sums = new double[count];
        long targets = 0, bytes = 0;
        // Of a text, --limit counts windows.
        int total = file.Text is null ? documents.ItemCount : Math.Min(documents.ItemCount, run.Options.Limit ?? int.MaxValue);
        int done = ScoredExamples.Run(
            run,
            total,
            item =>
            {
                Batch batch = documents.Pack([item]);
                return [.. run.Adapters.Select(adapter => new ScoredText(adapter, batch.Tokens, batch.Targets))];
            },
            (item, texts) =>
            {
                Batch batch = documents.Pack([item]);
                targets += batch.TargetCount;
                bytes += batch.Bytes;
                for (int a = 0; a < count; a++)
                {
                    sums[a] -= texts[a].LogProbability;
                }
            });
        return [.. Enumerable.Range(0, count).Select(a => run.Result(a, Measures(new Evaluation(targets > 0 ? sums[a] / targets : double.NaN, targets, bytes)), done, total))];
    }

    private static EvaluationMeasure[] Measures(in Evaluation found) =>
    [
        new("loss", found.Loss, LowerIsBetter: true),
        new("perplexity", found.Perplexity, LowerIsBetter: true),
        new("bits_per_byte", found.BitsPerByte, LowerIsBetter: true),
        new("targets", found.Targets, Main: false),
        new("bytes", found.Bytes, Main: false),
    ];
}
