using System.Buffers;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>Writes metrics.jsonl: one JSON object a line, whole lines only.</summary>
/// <remarks>
/// A line has step, time, adapter (where there are several) and either loss, grad_norm, lr, tokens, targets, seconds, peak_bytes, resident_bytes, or
/// held_out_loss (and held_out_loss_ema).
/// </remarks>
internal sealed class MetricsLog : IDisposable
{
    private readonly IReadOnlyList<string> names;
    private readonly ArrayBufferWriter<byte> line = new();
    private readonly Utf8JsonWriter json;
    private readonly FileStream file;

    /// <param name="path">The file.</param>
    /// <param name="names">The trainees' names.</param>
    /// <param name="kept">The lines to begin with: those of the steps before the run was resumed.</param>
    public MetricsLog(string path, IReadOnlyList<string> names, IEnumerable<string> kept)
    {
        this.names = names;
        json = new Utf8JsonWriter(line);
        AtomicFile.WriteText(path, string.Concat(kept.Select(l => l + "\n")));
        file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
    }

    /// <summary>Writes a step.</summary>
    public void Write(int trainee, StepRecord record)
    {
        Begin(trainee, record.Step, record.Time);
        json.WriteNumber("loss", record.Loss);
        json.WriteNumber("grad_norm", record.GradientNorm);
        json.WriteNumber("lr", record.Rate);
        json.WriteNumber("tokens", record.Tokens);
        json.WriteNumber("targets", record.Targets);
        json.WriteNumber("seconds", Math.Round(record.Seconds, 6));
        json.WriteNumber("peak_bytes", record.PeakBytes);
        json.WriteNumber("resident_bytes", record.ResidentBytes);
        End();
    }

    /// <summary>Writes a measurement; a number that is not finite is left out.</summary>
    public void Write(int trainee, HeldOutRecord record)
    {
        Begin(trainee, record.Step, record.Time);
        if (double.IsFinite(record.Loss))
        {
            json.WriteNumber("held_out_loss", record.Loss);
        }
        if (double.IsFinite(record.Averaged))
        {
            json.WriteNumber("held_out_loss_ema", record.Averaged);
        }
        End();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        json.Dispose();
        file.Dispose();
    }

    private void Begin(int trainee, int step, double time)
    {
        line.ResetWrittenCount();
        json.Reset();
        json.WriteStartObject();
        json.WriteNumber("step", step);
        json.WriteNumber("time", Math.Round(time, 3));
        if (names.Count > 1)
        {
            json.WriteString("adapter", names[trainee]);
        }
    }

    private void End()
    {
        json.WriteEndObject();
        json.Flush();
        line.Write("\n"u8);
        file.Write(line.WrittenSpan);
        file.Flush();
    }
}
