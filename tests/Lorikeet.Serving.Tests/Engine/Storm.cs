using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>Random requests of every kind, arriving, cancelled and expiring at random, all from one seed; each answer is compared with the one it has alone.</summary>
internal sealed class Storm
{
    private static readonly int[] lengths = [0, 31, 32, 33, 64, 97];
    private readonly LanguageModel model;
    private readonly CounterRandom random;
    private readonly AdapterVersion[] versions;
    private readonly List<GenerationRequest> requests = [];
    private readonly Dictionary<int, Dictionary<int, Answer>> alone = [];
    private ulong drawn;

    public Storm(LanguageModel model, ulong seed, int count, int adapters)
    {
        this.model = model;
        random = new CounterRandom(seed).Named("storm");
        // Numbers whose changes are sums, so that mixtures are possible among them.
        versions = [.. Enumerable.Range(0, adapters).Select(i => new AdapterVersion($"{i}", new TinySource(i), $"hash {i}"))];
        for (int i = 0; i < count; i++)
        {
            requests.Add(Request(i));
        }
    }

    /// <summary>Answers that came to their end.</summary>
    public int Finished { get; private set; }

    /// <summary>Answers that were cancelled or whose time passed.</summary>
    public int Broken { get; private set; }

    /// <summary>What the engines' figures came to together.</summary>
    public Dictionary<string, long> Figures { get; } = [];

    public void Run(EngineOptions options, bool cancels)
    {
        ManualClock clock = new();
        using Engine engine = new(model, options with { PoisonFreedPages = true, Clock = clock });
        Dictionary<int, int> numbers = [];
        Dictionary<(int, int), Answer> answers = [];
        engine.Observer = (id, choice, position, logits) => Of(answers, id, choice).Hash.Add((position, Answers.Hash(logits)));
        int next = 0;
        for (int guard = 0; next < requests.Count || engine.HasWork; guard++)
        {
            Assert.True(guard < 200_000, "the engine does not come to an end");
            for (int arrive = Draw(4); arrive > 0 && next < requests.Count; arrive--)
            {
                GenerationRequest request = requests[next];
                numbers[engine.Add(cancels && Draw(12) == 0 ? request with { Deadline = TimeSpan.FromSeconds(1 + Draw(8)) } : request)] = next++;
            }
            if (cancels && Draw(9) == 0 && numbers.Count > 0)
            {
                engine.Cancel(numbers.Keys.ElementAt(Draw(numbers.Count)));
            }
            engine.WaitForAdapter(TimeSpan.FromSeconds(30));
            foreach (GenerationEvent e in engine.Step())
            {
                Answer answer = Of(answers, e.Id, e.Choice);
                Assert.Equal(FinishReason.None, answer.Finish);
                answer.Finish = e.Finish;
                answer.Error ??= e.Error;
                if (e.Token >= 0)
                {
                    answer.Ids.Add(e.Token);
                }
            }
            clock.Advance(TimeSpan.FromMilliseconds(100));
            engine.Audit();
        }
        Note(engine.Statistics);
        Assert.Equal(0, engine.CacheBytes);
        engine.ForgetPrefixes();
        Assert.Equal(0, engine.Pool.PageBytes);
        foreach (((int id, int choice), Answer answer) in answers)
        {
            Compare(answer, Alone(numbers[id])[choice], cancels);
        }
        Assert.Equal(requests.Sum(r => r.Choices), answers.Values.Count(a => a.Finish != FinishReason.None));
    }

    private void Note(EngineStatistics statistics)
    {
        foreach ((string name, long value) in ((string, long)[])
        [
            ("preemptions", statistics.Preemptions),
            ("hits", statistics.PrefixHits),
            ("accepted", statistics.AcceptedTokens),
            ("rejected", statistics.DraftTokens - statistics.AcceptedTokens),
            ("loads", statistics.AdapterLoads),
            ("adapter evictions", statistics.AdapterEvictions),
            ("evictions", statistics.Evictions),
        ])
        {
            Figures[name] = Figures.GetValueOrDefault(name) + value;
        }
    }

    private void Compare(Answer answer, Answer expected, bool cancels)
    {
        bool broken = answer.Finish is FinishReason.Cancelled or FinishReason.Expired;
        Assert.True(cancels || !broken);
        Assert.Null(answer.Error);
        if (broken)
        {
            Broken++;
            Assert.Equal(expected.Ids.Take(answer.Ids.Count), answer.Ids);
            Assert.Equal(expected.Hash.Take(answer.Hash.Count), answer.Hash);
        }
        else
        {
            Finished++;
            answer.IsEqualTo(expected);
        }
    }

    private Dictionary<int, Answer> Alone(int number)
    {
        if (alone.TryGetValue(number, out Dictionary<int, Answer>? known))
        {
            return known;
        }
        Dictionary<(int, int), Answer> answers = [];
        using Engine engine = new(model, new EngineOptions { PoisonFreedPages = true, PrefixCaching = false, LoaderThreads = 0 });
        engine.Observer = (id, choice, position, logits) => Of(answers, id, choice).Hash.Add((position, Answers.Hash(logits)));
        engine.Add(requests[number]);
        while (engine.HasWork)
        {
            foreach (GenerationEvent e in engine.Step())
            {
                Answer answer = Of(answers, e.Id, e.Choice);
                answer.Finish = e.Finish;
                if (e.Token >= 0)
                {
                    answer.Ids.Add(e.Token);
                }
            }
        }
        return alone[number] = answers.ToDictionary(a => a.Key.Item2, a => a.Value);
    }

    private GenerationRequest Request(int number)
    {
        // A few beginnings that many share, of lengths around whole blocks, then an end of its own; some repeat themselves, so that guesses come true.
        int[] begin = TinyModel.Prompt(900 + Draw(4), lengths[Draw(lengths.Length)]);
        int[] end = TinyModel.Prompt(Draw(30), 1 + Draw(20));
        int[] prompt = Draw(3) == 0 ? [.. begin, .. end, .. end, .. end] : [.. begin, .. end];
        GenerationRequest request = new()
        {
            Prompt = prompt,
            Adapters = Shares(),
            Choices = Draw(6) == 0 ? 3 : 1,
            MaxTokens = 1 + Draw(40),
            EndIds = Draw(2) == 0 ? [] : [number % TinyModel.Vocabulary, 7, 9, 11],
            Tenant = $"tenant {Draw(3)}",
            Priority = Draw(3),
            Sampling = Draw(2) == 0
                ? SamplingOptions.Greedy with { LogitBias = new Dictionary<int, double> { [5] = 6, [6] = 5 } }
                : new SamplingOptions { Seed = (ulong)number, TopP = 0.9, RepetitionPenalty = 1.05 },
            LogProbabilities = Draw(4) == 0,
            PromptLogProbabilities = Draw(12) == 0 ? 2 : null,
        };
        // Some bring the same beginnings as vectors.
        return number % 4 == 3 && request.PromptLogProbabilities is null ? TinyModel.AsRows(model, request) : request;
    }

    private AdapterShare[] Shares()
    {
        switch (Draw(8))
        {
            case 0:
                return [];
            case 1:
                // Of these numbers the changes are low-rank: sums.
                int first = 4 * Draw(versions.Length / 4), second = (4 * Draw(versions.Length / 4)) + 1;
                return [new AdapterShare(versions[first], 0.5f), new AdapterShare(versions[second], -0.25f)];
            default:
                return [new AdapterShare(versions[Draw(versions.Length)])];
        }
    }

    private static Answer Of(Dictionary<(int, int), Answer> answers, int id, int choice)
    {
        if (!answers.TryGetValue((id, choice), out Answer? answer))
        {
            answers[(id, choice)] = answer = new Answer();
        }
        return answer;
    }

    private int Draw(int below) => random.Integer(drawn++, below);
}
