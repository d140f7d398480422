using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

/// <summary>Runs requests through an engine and keeps ids and the bits of all logits.</summary>
internal static class Answers
{
    public static List<Answer> Run(LanguageModel model, EngineOptions options, IReadOnlyList<GenerationRequest> requests, int stepsBetweenArrivals = 0)
    {
        using Engine engine = new(model, options);
        return Run(engine, requests, stepsBetweenArrivals);
    }

    public static List<Answer> Run(Engine engine, IReadOnlyList<GenerationRequest> requests, int stepsBetweenArrivals = 0)
    {
        Dictionary<int, Answer> answers = [];
        List<Answer> inOrder = [];
        engine.Observer = (id, choice, position, logits) => answers[id].Hash.Add((position, Hash(logits)));
        foreach (GenerationRequest request in requests)
        {
            Answer answer = new();
            answers[engine.Add(request)] = answer;
            inOrder.Add(answer);
            for (int i = 0; i < stepsBetweenArrivals; i++)
            {
                Step(engine, answers);
            }
        }
        for (int guard = 0; engine.HasWork; guard++)
        {
            Assert.True(guard < 100_000, "the engine does not come to an end");
            Step(engine, answers);
        }
        engine.Observer = null;
        Assert.Equal(0, engine.CacheBytes);
        return inOrder;
    }

    private static void Step(Engine engine, Dictionary<int, Answer> answers)
    {
        engine.WaitForAdapter(TimeSpan.FromSeconds(30));
        foreach (GenerationEvent next in engine.Step())
        {
            Answer answer = answers[next.Id];
            Assert.Equal(FinishReason.None, answer.Finish);
            if (next.Token >= 0)
            {
                answer.Ids.Add(next.Token);
            }
            answer.Finish = next.Finish;
        }
    }

    public static ulong Hash(ReadOnlySpan<float> logits)
    {
        ulong hash = 14695981039346656037UL;
        foreach (float logit in logits)
        {
            hash = (hash ^ BitConverter.SingleToUInt32Bits(logit)) * 1099511628211UL;
        }
        return hash;
    }
}

internal sealed class Answer
{
    public List<int> Ids { get; } = [];

    public List<(int Position, ulong Bits)> Hash { get; } = [];

    public FinishReason Finish { get; set; }

    public Exception? Error { get; set; }

    public void IsEqualTo(Answer other)
    {
        Assert.Equal(other.Ids, Ids);
        Assert.Equal(other.Hash, Hash);
        Assert.Equal(other.Finish, Finish);
    }
}
