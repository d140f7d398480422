using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Tasks.Tests;

public sealed class TaskTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-tasks").FullName;
    private readonly LanguageModel model = ModelLoader.Create(
        new ModelConfig { HiddenSize = 32, IntermediateSize = 48, Layers = 2, Heads = 4, KeyHeads = 2, HeadDim = 8, VocabularySize = 257, MaxPositions = 96, EndIds = [256] },
        new CounterRandom(7));
    private readonly ByteTokenizer tokenizer = new();
    private readonly List<TrainedAdapter> adapters = [];

    public TaskTests()
    {
        File.WriteAllLines(Path.Combine(folder, "rows.jsonl"), Enumerable.Range(0, 9).Select(i => $$"""{"q": "{{i}}+1", "a": "{{i + 1}}", "more": ["{{i}}", "{{i + 1}}", "no"], "right": 1, "kind": "{{(i % 3 == 0 ? "x" : "y")}}"}"""));
        File.WriteAllText(Path.Combine(folder, "refs.csv"), "mr,ref\nA,one two\nA,one three\nB,four\nA,five\n");
        for (int i = 0; i < 3; i++)
        {
            TrainedAdapter adapter = AdapterMethods.Find(i == 1 ? "flora" : "lora").Create($"a{i}", model, new JsonObject { ["target_modules"] = "all-linear" }, new CounterRandom((ulong)i));
            foreach (Parameter parameter in adapter.Parameters)
            {
                new CounterRandom((ulong)i + 9).Named(parameter.Name).FillUniform(parameter.Value.Span, -0.4f, 0.4f);
            }
            adapters.Add(adapter);
        }
        Classifiers.Attach(adapters[2], ["y", "x"], new CounterRandom(4));
        new CounterRandom(44).FillUniform(adapters[2].Classifier!.Weight.Value.Span, -1f, 1f);
    }

    public static TheoryData<string> Kinds =>
    [
        """{"kind": "loss", "data": "rows.jsonl", "prompt": "{q}=", "answer": "{a}"}""",
        """{"kind": "loss", "data": "rows.jsonl", "text": "{q} = {a}"}""",
        """{"kind": "choose", "data": "rows.jsonl", "prompt": "{q}=", "choices_field": "more", "correct": "{right}"}""",
        """{"kind": "choose", "data": "rows.jsonl", "prompt": "{q}=", "choices": ["{a}", "no"], "correct": "A"}""",
        """{"kind": "classify", "data": "rows.jsonl", "text": "{q}", "label": "{kind}", "prompt": "{q} is", "labels": {"x": " good", "y": " bad"}}""",
        """{"kind": "generate", "data": "rows.jsonl", "prompt": "{q}=", "answer": "{a}", "max_tokens": 6, "stop": ["z"], "metrics": ["exact", "chrf"]}""",
        """{"kind": "generate", "data": "refs.csv", "prompt": "{mr}:", "answer": "{ref}", "group": true, "max_tokens": 8, "metrics": ["bleu", "rouge"]}""",
    ];

    /// <summary>All adapters in one batch reach what each reaches alone, whatever the batch's size.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Many_at_once_are_each_alone(string json)
    {
        EvaluationTask task = Task(json);
        Adapter?[] all = [null, .. adapters];
        List<EvaluationAnswer> answers = [], alone = [];
        IReadOnlyList<EvaluationResult> together = task.Run(model, tokenizer, all, new EvaluationOptions { Answered = answers.Add });
        Assert.Equal(all.Select(a => a?.Name), together.Select(r => r.Adapter));
        for (int i = 0; i < all.Length; i++)
        {
            EvaluationResult one = task.Run(model, tokenizer, [all[i]], new EvaluationOptions { BatchTokens = 30, BatchAnswers = 2, Answered = alone.Add })[0];
            Assert.Equal(one.Measures.Select(m => (m.Name, m.Value)), together[i].Measures.Select(m => (m.Name, m.Value)));
            Assert.True(one.Complete && together[i].Complete);
            Assert.NotEmpty(one.Measures);
        }
        Assert.Equal(
            alone.OrderBy(a => a.Example).ThenBy(a => a.Adapter, StringComparer.Ordinal).Select(a => (a.Example, a.Adapter, a.Output)),
            answers.OrderBy(a => a.Example).ThenBy(a => a.Adapter, StringComparer.Ordinal).Select(a => (a.Example, a.Adapter, a.Output)));
    }

    [Fact]
    public void Rows_of_one_prompt_are_references_of_one_answer()
    {
        List<EvaluationAnswer> answers = [];
        EvaluationTask task = Task("""{"kind": "generate", "data": "refs.csv", "prompt": "{mr}:", "answer": "{ref}", "group": true, "max_tokens": 4, "metrics": ["bleu"]}""");
        EvaluationResult result = task.Run(model, tokenizer, [null], new EvaluationOptions { Answered = answers.Add })[0];
        Assert.Equal(2, result.Examples);
        Assert.Equal(["one two", "one three", "five"], answers[0].Expected);
        Assert.Equal(["four"], answers[1].Expected);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_task_that_is_stopped_keeps_what_is_done(string json)
    {
        using CancellationTokenSource stop = new();
        EvaluationTask task = Task(json);
        int told = 0;
        IReadOnlyList<EvaluationResult> results = task.Run(
            model, tokenizer, [null, adapters[0]], new EvaluationOptions { BatchTokens = 10, BatchAnswers = 2 }, p =>
            {
                if (p.Done >= 1 && told++ == 0)
                {
                    stop.Cancel();
                }
            },
            stop.Token);
        Assert.All(results, r => Assert.InRange(r.Examples, 1, r.Total));
        EvaluationResult limited = task.Run(model, tokenizer, [adapters[0]], new EvaluationOptions { Limit = results[0].Examples })[0];
        Assert.Equal(limited.Measures.Select(m => m.Value), results[1].Measures.Select(m => m.Value));
        Assert.Equal(results[0].Examples < results[0].Total, !results[0].Complete);
        stop.Cancel();
        Assert.All(task.Run(model, tokenizer, [null], new EvaluationOptions(), null, stop.Token), r => Assert.Equal(0, r.Examples));
    }

    [Fact]
    public void Solved_examples_stand_before_each_question()
    {
        List<EvaluationAnswer> answers = [];
        EvaluationTask task = Task("""{"kind": "loss", "data": "rows.jsonl", "shots_data": "rows.jsonl", "prompt": "{q}=", "answer": "{a}", "between": "\n"}""");
        double none = task.Run(model, tokenizer, [null], new EvaluationOptions())[0].Measures[0].Value;
        double two = task.Run(model, tokenizer, [null], new EvaluationOptions { Shots = 2 })[0].Measures[0].Value;
        Assert.NotEqual(none, two);
        Assert.Equal(two, task.Run(model, tokenizer, [null], new EvaluationOptions { Shots = 2 })[0].Measures[0].Value);
        Assert.Contains("9 solved examples; 10 were asked for", Assert.Throws<ArgumentException>(() => task.Run(model, tokenizer, [null], new EvaluationOptions { Shots = 10 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_is_measured_by_the_names_of_its_classes()
    {
        EvaluationTask task = Task("""{"kind": "classify", "data": "rows.jsonl", "text": "{q}", "label": "{kind}"}""");
        EvaluationResult result = task.Run(model, tokenizer, [adapters[2]], new EvaluationOptions())[0];
        Assert.Contains(result.Measures, m => m.Name == "auc");
        Assert.Contains("has no classification head", Assert.Throws<ArgumentException>(() => task.Run(model, tokenizer, [null], new EvaluationOptions())).Message, StringComparison.Ordinal);
        EvaluationTask other = Task("""{"kind": "classify", "data": "rows.jsonl", "text": "{q}", "label": "{kind}", "prompt": "{q}", "labels": {"z": " a", "y": " b"}}""");
        Assert.Throws<BadFileException>(() => other.Run(model, tokenizer, [null], new EvaluationOptions()));
    }

    [Theory]
    [InlineData("""{"kind": "guess", "data": "a"}""", "no kind of tasks 'guess'")]
    [InlineData("""{"kind": "loss"}""", "no \"data\"")]
    [InlineData("""{"kind": "loss", "data": "a"}""", "lacks text, or prompt and answer")]
    [InlineData("""{"kind": "loss", "data": "a", "text": "x{"}""", "text: the template")]
    [InlineData("""{"kind": "loss", "data": "a", "text": "plain"}""", "names no field")]
    [InlineData("""{"kind": "generate", "data": "a", "prompt": "{p}", "answer": "{a}", "metrics": ["blue"]}""", "no metric 'blue'")]
    [InlineData("""{"kind": "generate", "data": "a", "prompt": "{p}", "answer": "{a}", "metrics": []}""", "lacks metrics")]
    [InlineData("""{"kind": "choose", "data": "a", "prompt": "{p}", "correct": "{c}", "choices": ["a"]}""", "choices, at least two")]
    [InlineData("""{"kind": "loss", "data": "a", "text": "{t}", "tezt": 1}""", "unknown member \"tezt\"")]
    [InlineData("""{"kind": "generate", "data": "a", "prompt": "{p}", "answer": "{a}", "metrics": ["bleu"], "max_tokens": 0}""", "from 1 to")]
    [InlineData("[1]", "expected an object")]
    public void Bad_tasks_are_refused_in_one_line(string json, string expected)
    {
        Exception e = Assert.ThrowsAny<Exception>(() => Task(json));
        Assert.True(e is BadFileException or NotSupportedException);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void Tasks_are_found_by_name()
    {
        Assert.Equal(["e2e", "e2e-loss", "gsm8k", "gsm8k-loss", "sst2", "tinyshakespeare"], EvaluationTask.BuiltIn);
        Assert.All(EvaluationTask.BuiltIn, name => Assert.NotEmpty(EvaluationTask.Load(name).About));
        Assert.Contains("there are e2e", Assert.Throws<NotSupportedException>(() => EvaluationTask.Load("e3e")).Message, StringComparison.Ordinal);
        Assert.Contains("--data-dir", Assert.Throws<ArgumentException>(() => EvaluationTask.Load("e2e").Run(model, tokenizer, [null], new EvaluationOptions())).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        adapters.ForEach(a => a.Dispose());
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private EvaluationTask Task(string json)
    {
        string path = Path.Combine(folder, "task.json");
        File.WriteAllText(path, json);
        return EvaluationTask.Load(path);
    }
}
