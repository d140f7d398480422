using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving.Tests;

/// <summary>Requests that are refused, ended, cancelled, and what their events say.</summary>
[Collection("team")]
public sealed class EngineTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public void An_end_token_ends_the_answer()
    {
        GenerationRequest request = new() { Prompt = [5, 6, 7], MaxTokens = 20, Sampling = SamplingOptions.Greedy };
        List<int> ids = Answers.Run(model, new EngineOptions(), [request])[0].Ids;
        int end = ids[4];
        Answer answer = Answers.Run(model, new EngineOptions(), [request with { EndIds = [300, end] }])[0];
        Assert.Equal(ids[..(ids.IndexOf(end) + 1)], answer.Ids);
        Assert.Equal(FinishReason.Stop, answer.Finish);
    }

    [Fact]
    public void A_stop_text_ends_the_answer_and_the_text_leaves_it_out()
    {
        using Engine engine = new(model, null, new ByteTokenizer());
        GenerationRequest request = new() { Prompt = [5, 6, 7], MaxTokens = 60, Sampling = new() { Seed = 3, SuppressTokens = [.. Enumerable.Range(0, 257).Where(i => i is < 97 or > 122)] } };
        string whole = Text(engine, request).Text;
        Assert.Equal(60, whole.Length);
        string stop = whole.Substring(20, 4);
        int at = whole.IndexOf(stop, StringComparison.Ordinal);
        (string text, GenerationEvent last) = Text(engine, request with { Stop = ["?", stop] });
        Assert.Equal(whole[..at], text);
        Assert.Equal((FinishReason.Stop, stop), (last.Finish, last.StopText));
        Assert.Equal(whole[..(at + 4)], Text(engine, request with { Stop = [stop], IncludeStop = true }).Text);
        Assert.Equal(0, engine.CacheBytes);
    }

    [Fact]
    public void A_cancelled_request_says_so_once_and_gives_its_pages_back()
    {
        using Engine engine = new(model);
        int kept = engine.Add(new GenerationRequest { Prompt = [1], MaxTokens = 5, EndIds = [] });
        int cancelled = engine.Add(new GenerationRequest { Prompt = [2], MaxTokens = 5, EndIds = [] });
        int waiting = engine.Add(new GenerationRequest { Prompt = [3], MaxTokens = 5, EndIds = [] });
        engine.Step();
        engine.Cancel(cancelled);
        engine.Cancel(waiting);
        engine.Cancel(99);
        List<GenerationEvent> events = [];
        while (engine.HasWork)
        {
            events.AddRange(engine.Step());
        }
        Assert.Single(events, e => e.Id == cancelled && e.Finish == FinishReason.Cancelled);
        Assert.Single(events, e => e.Id == waiting && e.Finish == FinishReason.Cancelled);
        Assert.Single(events, e => e.Id == kept && e.Finish == FinishReason.Length);
        Assert.Equal(0, engine.CacheBytes);
    }

    [Fact]
    public void Scores_that_allow_no_token_end_that_answer_alone()
    {
        int[] all = [.. Enumerable.Range(0, TinyModel.Vocabulary)];
        List<Answer> answers = Answers.Run(model, new EngineOptions(),
        [
            new GenerationRequest { Prompt = [1], MaxTokens = 4, Sampling = new() { SuppressTokens = all } },
            new GenerationRequest { Prompt = [1], MaxTokens = 4 },
        ]);
        Assert.Equal(FinishReason.Failed, answers[0].Finish);
        Assert.Equal(FinishReason.Length, answers[1].Finish);
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_model_whatever_the_settings()
    {
        using Engine engine = new(model);
        float[]? logits = null;
        engine.Observer = (_, _, _, l) => logits = l.ToArray();
        engine.Add(new GenerationRequest { Prompt = [1, 9], MaxTokens = 1, LogProbabilities = true, Sampling = new() { Temperature = 3, TopK = 50, Seed = 4 } });
        GenerationEvent next = engine.Step()[0];
        double sum = logits!.Sum(l => Math.Exp(l));
        Assert.Equal(logits![next.Token] - Math.Log(sum), next.LogProbability, 1e-4);
    }

    [Fact]
    public void The_models_longest_sequence_is_a_limit()
    {
        Answer answer = Answers.Run(model, new EngineOptions(), [new GenerationRequest { Prompt = TinyModel.Prompt(1, 500), MaxTokens = 1000, EndIds = [] }])[0];
        Assert.Equal(12, answer.Ids.Count);
    }

    [Fact]
    public void What_cannot_be_met_is_refused_with_the_reason()
    {
        using LanguageModel other = TinyModel.Create();
        using Adapter foreign = TinyModel.Adapter(other, 1);
        using Engine engine = new(model, new EngineOptions { CacheBytes = 10_000 });
        Refused("empty", new GenerationRequest { Prompt = [] });
        Refused("token 257", new GenerationRequest { Prompt = [257] });
        Refused("token -1", new GenerationRequest { Prompt = [-1] });
        Refused("512 tokens", new GenerationRequest { Prompt = new int[512] });
        Refused("max_tokens is -1", new GenerationRequest { Prompt = [1], MaxTokens = -1 });
        Refused("tokenizer", new GenerationRequest { Prompt = [1], Stop = ["x"] });
        Refused("another model", new GenerationRequest { Prompt = [1], Adapter = foreign });
        Refused("raise the cache", new GenerationRequest { Prompt = [1] });
        Refused("temperature is NaN", new GenerationRequest { Prompt = [1], Sampling = new() { Temperature = double.NaN } });
        Refused("logit_bias is 400", new GenerationRequest { Prompt = [1], Sampling = new() { LogitBias = new Dictionary<int, double> { [400] = 1 } } });
        Assert.False(engine.HasWork);

        void Refused(string reason, GenerationRequest request) =>
            Assert.Contains(reason, Assert.Throws<ArgumentException>(() => engine.Add(request)).Message, StringComparison.Ordinal);
    }

    private static (string Text, GenerationEvent Last) Text(Engine engine, GenerationRequest request)
    {
        engine.Add(request);
        string text = "";
        GenerationEvent last = default;
        while (engine.HasWork)
        {
            foreach (GenerationEvent next in engine.Step())
            {
                text += next.Text;
                last = next;
            }
        }
        return (text, last);
    }
}
