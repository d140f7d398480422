using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Training.Tests.Runs;

public sealed class CheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-checkpoints").FullName;

    [Fact]
    public void A_resumed_run_repeats_the_bits_of_one_that_was_not_stopped()
    {
        using LanguageModel model = Tiny.Model();
        float[] whole = Train(model, 0, 12, null), first = Train(model, 0, 7, folder), rest = Train(model, 7, 12, folder);
        Assert.NotEqual(first, whole);
        Assert.Equal(whole, rest);
    }

    [Fact]
    public void Only_the_newest_checkpoints_stay()
    {
        using LanguageModel model = Tiny.Model();
        using Session session = new(model);
        for (int step = 0; step < 4; step++)
        {
            session.Trainer.Next();
            TrainingCheckpoint.Save(folder, session.Trainer, keep: 2);
        }
        Assert.Equal(["step-00000003", "step-00000004"], Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName).Order());
        Assert.EndsWith("step-00000004", TrainingCheckpoint.Latest(folder), StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_that_fails_leaves_the_older_one_and_nothing_else()
    {
        using LanguageModel model = Tiny.Model();
        using Session session = new(model);
        TrainingCheckpoint.Save(folder, session.Trainer);
        session.Trainer.Next();
        Assert.Throws<IOException>(() => TrainingCheckpoint.Save(folder, session.Trainer, _ => throw new IOException("disk full")));
        Assert.Equal(["step-00000000"], Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("training.json", "{}")]
    [InlineData("training.json", "{\"format\": \"other\"}")]
    [InlineData("training.json", "{\"format\": \"lorikeet-training-1\", \"step\": 1, \"trainees\": []}")]
    [InlineData("training.safetensors", "nonsense")]
    public void A_broken_checkpoint_is_refused(string file, string content)
    {
        using LanguageModel model = Tiny.Model();
        using Session session = new(model);
        string checkpoint = TrainingCheckpoint.Save(folder, session.Trainer);
        File.WriteAllText(Path.Combine(checkpoint, file), content);
        Assert.Throws<BadFileException>(() => TrainingCheckpoint.Load(checkpoint, session.Trainer));
    }

    [Theory]
    [InlineData("\"item\":", "-1")]
    [InlineData("\"item\":", "99999999999")]
    [InlineData("\"epoch\":", "-1")]
    [InlineData("\"step\":", "-1")]
    [InlineData("\"optimizer_steps\":[", "-3")]
    public void A_checkpoint_with_a_place_that_does_not_exist_is_refused(string key, string value)
    {
        using LanguageModel model = Tiny.Model();
        using Session session = new(model);
        string path = Path.Combine(TrainingCheckpoint.Save(folder, session.Trainer), "training.json");
        string text = File.ReadAllText(path);
        int at = text.IndexOf(key, StringComparison.Ordinal) + key.Length;
        File.WriteAllText(path, text[..at] + value + text[(at + 1)..]);
        Assert.Throws<BadFileException>(() => TrainingCheckpoint.Load(Path.GetDirectoryName(path)!, session.Trainer));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static float[] Train(LanguageModel model, int from, int to, string? checkpoints)
    {
        using Session session = new(model);
        if (from > 0)
        {
            TrainingCheckpoint.Load(TrainingCheckpoint.Latest(checkpoints!)!, session.Trainer);
            Assert.Equal(from, session.Trainer.Step);
        }
        while (session.Trainer.Step < to)
        {
            session.Trainer.Next();
        }
        if (checkpoints is not null && from == 0)
        {
            TrainingCheckpoint.Save(checkpoints, session.Trainer);
        }
        return [.. Tiny.Values(session.First), .. Tiny.Values(session.Second)];
    }

    /// <summary>Two adapters with dropout, trained in one batch.</summary>
    private sealed class Session : IDisposable
    {
        public Session(LanguageModel model)
        {
            First = Tiny.Lora(model, "first", 1, dropout: 0.2);
            Second = Tiny.Lora(model, "second", 2, dropout: 0.1);
            Trainer = new Trainer(
                model,
                [Tiny.Trainee("first", First, Tiny.Data(1)), Tiny.Trainee("second", Second, Tiny.Data(2))],
                new TrainerOptions { Accumulation = 2 });
        }

        public TrainedAdapter First { get; }

        public TrainedAdapter Second { get; }

        public Trainer Trainer { get; }

        public void Dispose()
        {
            Trainer.Dispose();
            foreach (Trainee trainee in Trainer.Trainees)
            {
                trainee.Dispose();
            }
            First.Dispose();
            Second.Dispose();
        }
    }
}
