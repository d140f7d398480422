using System.Text;
using System.Text.Json;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Generate;

/// <summary>Shows answers as they come.</summary>
internal interface IAnswerWriter
{
    /// <summary>Takes the next event.</summary>
    /// <param name="next">Its id is the answer's place in the list of jobs.</param>
    void Take(in GenerationEvent next);
}

/// <summary>One answer, letter by letter, after its prompt.</summary>
internal sealed class OneAnswer : IAnswerWriter
{
    public OneAnswer(Job job) => Console.Out.Write(Terminal.Safe(job.Lead));

    public void Take(in GenerationEvent next)
    {
        Console.Out.Write(Terminal.Safe(next.Text));
        if (next.Finish != FinishReason.None)
        {
            Console.Out.WriteLine(next.Finish == FinishReason.Failed ? " [failed: the scores allow no token]" : "");
        }
        Console.Out.Flush();
    }
}

/// <summary>Several answers, line by line, each line after the label of its row.</summary>
internal sealed class LabelledAnswers : IAnswerWriter
{
    private readonly string[] labels;
    private readonly StringBuilder[] lines;

    public LabelledAnswers(IReadOnlyList<Job> jobs)
    {
        int width = jobs.Max(j => j.Label.Length), digits = jobs.Count.ToString(System.Globalization.CultureInfo.InvariantCulture).Length;
        labels = [.. jobs.Select((job, i) => $"[{(i + 1).ToString(System.Globalization.CultureInfo.InvariantCulture).PadLeft(digits)} {job.Label.PadRight(width)}] ")];
        lines = [.. jobs.Select(job => new StringBuilder(job.Lead))];
    }

    public void Take(in GenerationEvent next)
    {
        StringBuilder line = lines[next.Id].Append(next.Text);
        string text = line.ToString();
        if (next.Finish != FinishReason.None)
        {
            text += next.Finish == FinishReason.Failed ? " [failed: the scores allow no token]\n" : "\n";
        }
        int done = text.LastIndexOf('\n') + 1;
        if (done == 0)
        {
            return;
        }
        foreach (string whole in text[..(done - 1)].Split('\n'))
        {
            Console.Out.WriteLine(labels[next.Id] + Terminal.Safe(whole));
        }
        line.Clear().Append(text.AsSpan(done));
    }
}

/// <summary>One JSON object an answer, when it has ended.</summary>
internal sealed class JsonAnswers(IReadOnlyList<Job> jobs) : IAnswerWriter
{
    private readonly StringBuilder[] texts = [.. jobs.Select(_ => new StringBuilder())];
    private readonly List<int>[] tokens = [.. jobs.Select(_ => new List<int>())];

    public void Take(in GenerationEvent next)
    {
        texts[next.Id].Append(next.Text);
        if (next.Token >= 0)
        {
            tokens[next.Id].Add(next.Token);
        }
        if (next.Finish == FinishReason.None)
        {
            return;
        }
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("index", next.Id);
            writer.WriteString("prompt", jobs[next.Id].Prompt);
            writer.WriteString("adapter", jobs[next.Id].Adapter);
            writer.WriteString("text", texts[next.Id].ToString());
            writer.WriteStartArray("tokens");
            tokens[next.Id].ForEach(writer.WriteNumberValue);
            writer.WriteEndArray();
            writer.WriteString("finish_reason", next.Finish switch
            {
                FinishReason.Stop => "stop",
                FinishReason.Length => "length",
                FinishReason.Cancelled => "cancelled",
                _ => "failed",
            });
            writer.WriteEndObject();
        }
        Console.Out.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }
}

/// <summary>What a terminal may be shown.</summary>
internal static class Terminal
{
    /// <summary>Control characters of a generated text would steer the terminal: they show as U+FFFD there. Files get the text as it is.</summary>
    /// <param name="text">The text.</param>
    public static string Safe(string text) =>
        Console.IsOutputRedirected || !text.Any(IsControl) ? text : string.Concat(text.Select(c => IsControl(c) ? '\uFFFD' : c));

    private static bool IsControl(char c) => char.IsControl(c) && c is not ('\n' or '\t' or '\r');
}
