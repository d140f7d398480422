using System.Globalization;

namespace Lorikeet.Training;

/// <summary>Writes a run's numbers as TensorBoard scalars: train/loss, train/lr, train/grad_norm, train/tokens_per_second, memory/step, memory/resident, eval/loss.</summary>
/// <remarks>A run that is resumed replaces its older file by one that begins with the kept steps, so that no step is shown twice.</remarks>
internal sealed class TensorBoardLog : IDisposable
{
    private const string Prefix = "events.out.tfevents.";
    private readonly TensorBoardFile file;
    private readonly IReadOnlyList<string> names;

    /// <param name="folder">The run's folder.</param>
    /// <param name="history">What is written at once: the steps before the run was resumed.</param>
    public TensorBoardLog(string folder, RunHistory history)
    {
        names = history.Names;
        foreach (string old in Directory.EnumerateFiles(folder, Prefix + "*"))
        {
            File.Delete(old);
        }
        DateTimeOffset now = DateTimeOffset.UtcNow;
        file = new TensorBoardFile(
            Path.Combine(folder, Prefix + now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture) + ".lorikeet"), now.ToUnixTimeMilliseconds() / 1000.0);
        for (int i = 0; i < names.Count; i++)
        {
            foreach (StepRecord record in history.Steps[i])
            {
                Write(i, record);
            }
            foreach (HeldOutRecord record in history.HeldOut[i])
            {
                Write(i, record);
            }
        }
    }

    /// <summary>Writes a step.</summary>
    public void Write(int trainee, StepRecord record) => file.Write(
        record.Time,
        record.Step,
        (Tag("train/loss", trainee), record.Loss),
        (Tag("train/lr", trainee), record.Rate),
        (Tag("train/grad_norm", trainee), record.GradientNorm),
        (Tag("train/tokens_per_second", trainee), record.Seconds > 0 ? record.Tokens / record.Seconds : 0),
        (Tag("memory/step", trainee), record.PeakBytes),
        (Tag("memory/resident", trainee), record.ResidentBytes));

    /// <summary>Writes a measurement.</summary>
    public void Write(int trainee, HeldOutRecord record)
    {
        file.Write(record.Time, record.Step, (Tag("eval/loss", trainee), record.Loss));
        if (!double.IsNaN(record.Averaged))
        {
            file.Write(record.Time, record.Step, (Tag("eval/loss_ema", trainee), record.Averaged));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private string Tag(string tag, int trainee) => names.Count > 1 ? $"{tag}/{names[trainee]}" : tag;
}
