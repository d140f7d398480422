using System.Text.Json;

namespace Lorikeet.Training;

/// <summary>The numbers of a run's steps and measurements, as metrics.jsonl holds them.</summary>
/// <param name="names">The trainees' names.</param>
public sealed class RunHistory(IReadOnlyList<string> names)
{
    private readonly List<StepRecord>[] steps = [.. names.Select(_ => new List<StepRecord>())];
    private readonly List<HeldOutRecord>[] heldOut = [.. names.Select(_ => new List<HeldOutRecord>())];

    /// <summary>The trainees' names.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>The steps of each trainee.</summary>
    public IReadOnlyList<IReadOnlyList<StepRecord>> Steps => steps;

    /// <summary>The measurements of each trainee.</summary>
    public IReadOnlyList<IReadOnlyList<HeldOutRecord>> HeldOut => heldOut;

    /// <summary>A trainee's last held-out loss; NaN: none.</summary>
    /// <param name="trainee">Its number.</param>
    public double LastHeldOut(int trainee) => heldOut[trainee].Count > 0 ? heldOut[trainee][^1].Loss : double.NaN;

    /// <summary>Adds a step.</summary>
    /// <param name="trainee">Whose.</param>
    /// <param name="record">Its numbers.</param>
    public void Add(int trainee, StepRecord record) => steps[trainee].Add(record);

    /// <summary>Adds a measurement.</summary>
    /// <param name="trainee">Whose.</param>
    /// <param name="record">Its numbers.</param>
    public void Add(int trainee, HeldOutRecord record) => heldOut[trainee].Add(record);

    /// <summary>Reads lines of metrics.jsonl until one is broken (a stopped process left it half written) or of a later step.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mostSteps">The last step that is read.</param>
    /// <returns>The lines that were read, without line breaks.</returns>
    public IReadOnlyList<string> Read(string path, int mostSteps = int.MaxValue)
    {
        List<string> kept = [];
        foreach (string line in File.ReadLines(path))
        {
            if (!Take(line, mostSteps))
            {
                break;
            }
            kept.Add(line);
        }
        return kept;
    }

    private bool Take(string line, int mostSteps)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            int step = root.GetProperty("step").GetInt32();
            int trainee = root.TryGetProperty("adapter", out JsonElement name) ? names.ToList().IndexOf(name.GetString()!) : 0;
            if (step > mostSteps || trainee < 0)
            {
                return false;
            }
            double time = Number(root, "time");
            if (root.TryGetProperty("loss", out JsonElement loss))
            {
                Add(trainee, new StepRecord(
                    step, time, loss.GetDouble(), Number(root, "grad_norm"), Number(root, "lr"), (long)Number(root, "tokens"), (long)Number(root, "targets"),
                    Number(root, "seconds"), (long)Number(root, "peak_bytes"), (long)Number(root, "resident_bytes")));
            }
            else
            {
                Add(trainee, new HeldOutRecord(step, time, Number(root, "held_out_loss", double.NaN), Number(root, "held_out_loss_ema", double.NaN)));
            }
            return true;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    private static double Number(JsonElement root, string name, double missing = 0) => root.TryGetProperty(name, out JsonElement value) ? value.GetDouble() : missing;
}

/// <summary>A step of a trainee.</summary>
/// <param name="Step">Its number, from 1.</param>
/// <param name="Time">When it ended: seconds since 1970.</param>
/// <param name="Loss">The mean loss of its targets before the step, in nats.</param>
/// <param name="GradientNorm">The gradient norm before clipping.</param>
/// <param name="Rate">The learning rate.</param>
/// <param name="Tokens">Tokens through the model.</param>
/// <param name="Targets">Targets of the loss.</param>
/// <param name="Seconds">How long it took, with all trainees.</param>
/// <param name="PeakBytes">The most step memory in use so far.</param>
/// <param name="ResidentBytes">What the process has resident.</param>
public sealed record StepRecord(
    int Step, double Time, double Loss, double GradientNorm, double Rate, long Tokens, long Targets, double Seconds, long PeakBytes, long ResidentBytes);

/// <summary>A measurement of a trainee's held-out loss.</summary>
/// <param name="Step">Steps that were done.</param>
/// <param name="Time">When: seconds since 1970.</param>
/// <param name="Loss">The mean loss, in nats; NaN: not finite.</param>
/// <param name="Averaged">That of the moving average; NaN: none is kept.</param>
public sealed record HeldOutRecord(int Step, double Time, double Loss, double Averaged);
