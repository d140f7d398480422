using System.Buffers;
using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>The numbers of a run: one JSON object a line in metrics.jsonl, and the curves for the picture.</summary>
/// <remarks>A line has step, adapter (where there are several) and either loss, grad_norm, lr, tokens, seconds, peak_bytes or held_out_loss.</remarks>
internal sealed class RunLog : IDisposable
{
    private readonly string path;
    private readonly IReadOnlyList<string> names;
    private readonly ArrayBufferWriter<byte> line = new();
    private readonly Utf8JsonWriter json;
    private FileStream? file;

    public RunLog(string path, IReadOnlyList<string> names)
    {
        this.path = path;
        this.names = names;
        json = new Utf8JsonWriter(line);
        Train = [.. names.Select(_ => new List<(int, double)>())];
        HeldOut = [.. names.Select(_ => new List<(int, double)>())];
    }

    public IReadOnlyList<List<(int Step, double Loss)>> Train { get; }

    public IReadOnlyList<List<(int Step, double Loss)>> HeldOut { get; }

    /// <summary>Opens the file anew, or keeps what it holds of the first steps.</summary>
    public void Open(int keepSteps)
    {
        List<string> kept = [];
        if (keepSteps > 0 && File.Exists(path))
        {
            foreach (string text in File.ReadLines(path))
            {
                if (!Read(text, keepSteps))
                {
                    break;
                }
                kept.Add(text + "\n");
            }
        }
        AtomicFile.WriteText(path, string.Concat(kept));
        file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
    }

    public void Step(int step, int trainee, in StepNumbers numbers, double seconds, long peak)
    {
        Train[trainee].Add((step, numbers.Loss));
        Begin(step, trainee);
        json.WriteNumber("loss", numbers.Loss);
        json.WriteNumber("grad_norm", numbers.GradientNorm);
        json.WriteNumber("lr", numbers.Rate);
        json.WriteNumber("tokens", numbers.Tokens);
        json.WriteNumber("targets", numbers.Targets);
        json.WriteNumber("seconds", Math.Round(seconds, 6));
        json.WriteNumber("peak_bytes", peak);
        End();
    }

    public void Measured(int step, int trainee, double loss)
    {
        HeldOut[trainee].Add((step, loss));
        Begin(step, trainee);
        if (double.IsFinite(loss))
        {
            json.WriteNumber("held_out_loss", loss);
        }
        End();
    }

    public IReadOnlyList<LossCurve> Curves()
    {
        List<LossCurve> curves = [];
        for (int i = 0; i < names.Count; i++)
        {
            string suffix = names.Count > 1 ? $" ({names[i]})" : "";
            curves.Add(new LossCurve("training" + suffix, Train[i], false));
            if (HeldOut[i].Count > 0)
            {
                curves.Add(new LossCurve("held out" + suffix, HeldOut[i], true));
            }
        }
        return curves;
    }

    private void Begin(int step, int trainee)
    {
        line.ResetWrittenCount();
        json.Reset();
        json.WriteStartObject();
        json.WriteNumber("step", step);
        if (names.Count > 1)
        {
            json.WriteString("adapter", names[trainee]);
        }
    }

    private void End()
    {
        json.WriteEndObject();
        json.Flush();
        file!.Write(line.WrittenSpan);
        file.Write("\n"u8);
        file.Flush();
    }

    // A line that a stopped process left half written ends what is kept.
    private bool Read(string text, int keepSteps)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            int step = root.GetProperty("step").GetInt32();
            int trainee = root.TryGetProperty("adapter", out JsonElement name) ? names.ToList().IndexOf(name.GetString()!) : 0;
            if (step > keepSteps || trainee < 0)
            {
                return false;
            }
            if (root.TryGetProperty("loss", out JsonElement loss))
            {
                Train[trainee].Add((step, loss.GetDouble()));
            }
            else if (root.TryGetProperty("held_out_loss", out JsonElement held))
            {
                HeldOut[trainee].Add((step, held.GetDouble()));
            }
            return true;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        json.Dispose();
        file?.Dispose();
    }
}
