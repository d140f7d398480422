using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Lora;

/// <summary>Every kind of LoRA file, its rows in a mixed batch among them: the check 6 of LoRA's card, the check 5 of DoRA's.</summary>
public sealed class LoraTests
{
    public static TheoryData<string> Kinds => LoraBench.Rows;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_fresh_adapter_is_the_base_and_counts_what_its_formula_says(string json)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = LoraBench.Make(model, json, shaken: false);
        Assert.Equal(adapter.ExpectedParameterCount, adapter.ParameterCount);
        double difference = Bench.Difference(Bench.Logits(model, adapter, Bench.Prompts[0]), Bench.Logits(model, null, Bench.Prompts[0]));
        Assert.True(difference < 1e-6, $"it changes the output by {difference}");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Saved_and_loaded_it_has_the_same_bits_and_saves_the_same_files(string json)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = LoraBench.Make(model, json);
        using LoraBench.Folder first = new();
        using LoraBench.Folder second = new();
        AdapterFolder.Save(adapter, first.Path);
        using TrainedAdapter loaded = AdapterFolder.Load(first.Path, model);
        Assert.Empty(loaded.Warnings);
        Assert.Equal(Bench.Logits(model, adapter, Bench.Prompts[2]), Bench.Logits(model, loaded, Bench.Prompts[2]));
        AdapterFolder.Save(loaded, second.Path);
        foreach (string file in (string[])[AdapterFolder.ConfigName, AdapterFolder.WeightsName])
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(first.Path, file)), File.ReadAllBytes(Path.Combine(second.Path, file)));
        }
        Assert.Equal(2, Directory.GetFileSystemEntries(first.Path).Length);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Its_batched_form_is_its_own_forward(string json)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = LoraBench.Make(model, json);
        double difference = Bench.Difference(
            Bench.Logits(model, adapter, Bench.Prompts[2]), Bench.Logits(model, adapter, Bench.Prompts[2], ownForwards: true));
        Assert.True(difference < 1e-5, $"they differ by {difference}");
        Assert.NotEqual(Bench.Logits(model, null, Bench.Prompts[2]), Bench.Logits(model, adapter, Bench.Prompts[2]));
    }

    [Fact]
    [Trait("Card", "LoRA 6")]
    [Trait("Card", "DoRA 5")]
    public void Every_row_of_a_mixed_batch_has_the_bits_it_has_alone_in_any_order()
    {
        using LanguageModel model = Bench.Model();
        List<TrainedAdapter> adapters = [.. LoraBench.Kinds.Select((json, i) => LoraBench.Make(model, json, (ulong)i + 1))];
        List<(Adapter? Adapter, int[] Tokens)> rows =
            [.. adapters.Select((a, i) => ((Adapter?)a, Bench.Prompts[i % Bench.Prompts.Length])), (null, Bench.Prompts[0])];
        for (int turn = 0; turn < 2; turn++)
        {
            float[] all = Bench.Logits(model, rows);
            int at = 0;
            foreach ((Adapter? adapter, int[] tokens) in rows)
            {
                float[] alone = Bench.Logits(model, adapter, tokens);
                Assert.Equal(alone, all.AsSpan(at, alone.Length).ToArray());
                at += alone.Length;
            }
            rows.Reverse();
        }
        adapters.ForEach(a => a.Dispose());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_gradient_is_the_slope_of_the_loss_along_it(string json)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = LoraBench.Make(model, json);
        int[][] sequences = [Bench.Prompts[2], Bench.Prompts[0]];
        Bench.Backward(model, adapter, sequences);
        foreach (Parameter parameter in adapter.Parameters.Where(p => !IsFrozenDirection(p, json)))
        {
            float[] gradient = parameter.Gradient.Span.ToArray();
            double length = Math.Sqrt(gradient.Sum(g => (double)g * g));
            float step = (float)(2e-2 / Math.Max(length, 1e-3));
            double expected = length * length * 2 * step;
            double change = Shifted(model, adapter, parameter, gradient, step, sequences) - Shifted(model, adapter, parameter, gradient, -step, sequences);
            Assert.True(Math.Abs(change - expected) <= (0.05 * expected) + 2e-5, $"{parameter.Name}: {change:G4} along the gradient, expected {expected:G4}");
        }
    }

    [Fact]
    public void A_start_draws_the_same_bits_for_a_seed_and_others_for_another()
    {
        using LanguageModel model = Bench.Model();
        foreach (string init in (string[])["true", "\"gaussian\"", "\"orthogonal\"", "false"])
        {
            string json = $$"""{"r": 4, "init_lora_weights": {{init}}}""";
            using TrainedAdapter one = LoraBench.Make(model, json, 5, shaken: false), same = LoraBench.Make(model, json, 5, shaken: false);
            using TrainedAdapter other = LoraBench.Make(model, json, 6, shaken: false);
            float[] values = one.Parameters.First().Value.Span.ToArray();
            Assert.Equal(values, same.Parameters.First().Value.Span.ToArray());
            Assert.NotEqual(values, other.Parameters.First().Value.Span.ToArray());
        }
    }

    [Theory]
    [InlineData("""{"init_lora_weights": "loftq"}""", "loftq")]
    [InlineData("""{"init_lora_weights": "pissa", "use_dora": true}""", "pissa")]
    [InlineData("""{"init_lora_weights": "olora", "target_modules": ["embed_tokens"]}""", "olora")]
    [InlineData("""{"init_lora_weights": "eva"}""", "eva")]
    [InlineData("""{"alora_invocation_tokens": [1]}""", "alora_invocation_tokens")]
    [InlineData("""{"use_bdlora": {"nblocks": 2}}""", "use_bdlora")]
    [InlineData("""{"layer_replication": [[0, 2]]}""", "layer_replication")]
    [InlineData("""{"r": 3, "init_lora_weights": "orthogonal"}""", "orthogonal")]
    public void What_is_not_built_is_refused_by_its_name(string json, string name)
    {
        using LanguageModel model = Bench.Model();
        NotSupportedException refusal = Assert.Throws<NotSupportedException>(() => LoraBench.Make(model, json));
        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"r": 0}""")]
    [InlineData("""{"r": 33, "init_lora_weights": "pissa"}""")]
    [InlineData("""{"init_lora_weights": "pissa_niter_x"}""")]
    [InlineData("""{"init_lora_weights": "pissa_niter_1001"}""")]
    [InlineData("""{"r": 1e30}""")]
    [InlineData("""{"r": 1000000000}""")]
    [InlineData("""{"lora_dropout": 1}""")]
    [InlineData("""{"bias": "some"}""")]
    [InlineData("""{"use_dora": "yes"}""")]
    [InlineData("""{"use_dora": true, "lora_bias": true}""")]
    [InlineData("""{"target_parameters": ["mlp.experts"]}""")]
    [InlineData("""{"target_modules": [1]}""")]
    [InlineData("""{"target_modules": ["norm"]}""")]
    [InlineData("""{"trainable_token_indices": [64]}""")]
    [InlineData("""{"trainable_token_indices": [1, 1]}""")]
    [InlineData("""{"trainable_token_indices": {"nothing": [1]}}""")]
    [InlineData("""{"modules_to_save": [""]}""")]
    [InlineData("""{"init_lora_weights": "unheard"}""")]
    public void A_value_that_cannot_be_is_one_line(string json)
    {
        using LanguageModel model = Bench.Model();
        BadFileException refusal = Assert.Throws<BadFileException>(() => LoraBench.Make(model, json));
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void Patterns_whose_order_matters_are_saved_as_whole_paths()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = LoraBench.Make(model, """{"r": 4, "rank_pattern": {"v_proj": 6, ".*(q|v)_proj": 2}}""");
        using LoraBench.Folder folder = new();
        AdapterFolder.Save(adapter, folder.Path);
        using TrainedAdapter loaded = AdapterFolder.Load(folder.Path, model);
        Assert.Equal(Bench.Logits(model, adapter, Bench.Prompts[0]), Bench.Logits(model, loaded, Bench.Prompts[0]));
        JsonObject ranks = (JsonObject)AdapterFolder.ReadConfig(folder.Path)["rank_pattern"]!;
        Assert.All(ranks, entry => Assert.StartsWith("^model", entry.Key, StringComparison.Ordinal));
    }

    [Fact]
    public void Dropout_acts_in_training_only_and_draws_the_same_mask_again()
    {
        using LanguageModel model = Bench.Model();
        foreach (bool dora in (bool[])[false, true])
        {
            using TrainedAdapter adapter = LoraBench.Make(model, $$"""{"r": 2, "lora_dropout": 0.5, "use_dora": {{(dora ? "true" : "false")}}}""");
            float[] plain = Bench.Logits(model, adapter, Bench.Prompts[0], ownForwards: true);
            float[] once = Training(model, adapter, 1), again = Training(model, adapter, 1), other = Training(model, adapter, 2);
            Assert.Equal(once, again);
            Assert.NotEqual(once, other);
            Assert.NotEqual(once, plain);
        }
    }

    private static float[] Training(LanguageModel model, Adapter adapter, ulong seed)
    {
        int[] ids = Bench.Prompts[0];
        using ModelRun run = new()
        {
            Rows = new Rows(ids.Length),
            Plan = BatchPlan.For(adapter, ids.Length),
            Training = true,
            OwnForwards = true,
            Random = new CounterRandom(seed),
        };
        return model.Logits(run, model.Forward(run, Input.Of(ids))).Span.ToArray();
    }

    // DoRA takes the length of W + s B A as a constant: the true slope along A and B is another one by design.
    private static bool IsFrozenDirection(Parameter parameter, string json) =>
        json.Contains("use_dora", StringComparison.Ordinal) && parameter.Name.Contains("lora_", StringComparison.Ordinal)
        && !parameter.Name.Contains("magnitude", StringComparison.Ordinal);

    private static double Shifted(LanguageModel model, TrainedAdapter adapter, Parameter parameter, float[] direction, float step, int[][] sequences)
    {
        float[] before = parameter.Value.Span.ToArray();
        for (int i = 0; i < before.Length; i++)
        {
            parameter.Value.Span[i] += step * direction[i];
        }
        adapter.ForgetForms();
        double loss = Bench.Loss(model, adapter, sequences);
        before.CopyTo(parameter.Value.Span);
        adapter.ForgetForms();
        return loss;
    }
}
