using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Adapters.Tests.Lora;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Merge;

/// <summary>Merging into a base and mixing adapters; the check 2 of the cards LoRA and DoRA over every kind of LoRA file.</summary>
public sealed class MergingTests
{
    public static TheoryData<string> Kinds => LoraBench.Rows;

    [Theory]
    [Trait("Card", "LoRA 2")]
    [Trait("Card", "DoRA 2")]
    [MemberData(nameof(Kinds))]
    public void Merged_is_unmerged_and_undone_it_is_the_base_bit_for_bit(string json)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = LoraBench.Make(model, json);
        float[] before = Bench.Logits(model, null, Bench.Prompts[2]), with = Bench.Logits(model, adapter, Bench.Prompts[2]);
        using (Merging.MergeInto(model, adapter))
        {
            double difference = Bench.Difference(Bench.Logits(model, null, Bench.Prompts[2]), with);
            Assert.True(difference < 1e-5, $"merged and unmerged differ by {difference}");
        }
        Assert.Equal(before, Bench.Logits(model, null, Bench.Prompts[2]));
    }

    [Fact]
    public void A_tied_table_moves_the_head_too_and_says_so()
    {
        using LanguageModel model = LoraBench.Tied();
        using TrainedAdapter adapter = LoraBench.Make(model, """{"target_modules": ["embed_tokens"], "r": 2}""");
        using MergedModel merged = Merging.MergeInto(model, adapter);
        Assert.Contains("lm_head.weight", merged.Changed);
        Assert.Same(model.Embedding.Weight, model.Head.Sites[0].Weight);
        Assert.Single(merged.Warnings);
    }

    [Fact]
    public void Two_changes_of_a_tied_table_add_up_and_it_says_so()
    {
        using LanguageModel model = LoraBench.Tied();
        using TrainedAdapter adapter = LoraBench.Make(model, """{"target_modules": ["embed_tokens", "lm_head"], "r": 2}""");
        using MergedModel merged = Merging.MergeInto(model, adapter);
        Assert.Contains("both changes", Assert.Single(merged.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_of_its_own_parts_from_the_table_until_it_is_undone()
    {
        using LanguageModel model = LoraBench.Tied();
        using TrainedAdapter adapter = LoraBench.Make(model, """{"target_modules": ["v_proj"], "modules_to_save": ["lm_head"]}""");
        using (Merging.MergeInto(model, adapter))
        {
            Assert.NotSame(model.Embedding.Weight, model.Head.Sites[0].Weight);
            Assert.Contains(model.Tensors, t => t.Name == "lm_head.weight");
            using TemporaryFolder folder = new();
            ModelWriter.Save(model, folder.Of("merged"));
            Assert.False(ModelConfigFile.Read(folder.Of("merged")).TieEmbeddings);
        }
        Assert.Same(model.Embedding.Weight, model.Head.Sites[0].Weight);
        Assert.DoesNotContain(model.Tensors, t => t.Name == "lm_head.weight");
    }

    [Fact]
    public void What_cannot_be_merged_changes_nothing()
    {
        using LanguageModel model = Bench.Model(bias: false);
        using TrainedAdapter bias = LoraBench.Make(model, """{"target_modules": ["q_proj", "v_proj"], "lora_bias": true}""");
        float[] before = Bench.Logits(model, null, Bench.Prompts[0]);
        Assert.Throws<NotSupportedException>(() => Merging.MergeInto(model, bias));
        using TrainedAdapter huge = LoraBench.Make(model, """{"target_modules": ["q_proj", "v_proj"]}""");
        huge.Parameters.Last().Value.Span.Fill(float.MaxValue);
        Assert.Throws<InvalidOperationException>(() => Merging.MergeInto(model, huge));
        Assert.Equal(before, Bench.Logits(model, null, Bench.Prompts[0]));
    }

    [Fact]
    public void Stacked_factors_are_the_exact_sum_and_a_negative_weight_takes_an_adapter_away()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter one = LoraBench.Make(model, """{"target_modules": ["q_proj", "embed_tokens"], "r": 2}""", 1);
        using TrainedAdapter two = LoraBench.Make(model, """{"target_modules": ["q_proj", "up_proj"], "r": 3, "use_rslora": true}""", 2);
        using TrainedAdapter nothing = Merging.WeightedSum("zero", [one, two, one, two], [1, 1, -1, -1], "cat");
        double left = Bench.Difference(Bench.Logits(model, nothing, Bench.Prompts[0]), Bench.Logits(model, null, Bench.Prompts[0]));
        Assert.True(left < 1e-5, $"subtracting leaves {left}");
        using TrainedAdapter sum = Merging.WeightedSum("sum", [one, two], [0.5, 2], "cat");
        using LoraBench.Folder folder = new();
        AdapterFolder.Save(sum, folder.Path);
        using TrainedAdapter loaded = AdapterFolder.Load(folder.Path, model);
        Assert.Equal(Bench.Logits(model, sum, Bench.Prompts[0]), Bench.Logits(model, loaded, Bench.Prompts[0]));
        LinearSite q = (LinearSite)model.Find("model.layers.0.self_attn.q_proj")!;
        float[] expected = new float[q.Outputs * q.Inputs], got = new float[expected.Length], bias = new float[q.Outputs];
        Add(one, q, 0.5f, expected);
        Add(two, q, 2, expected);
        sum[q]!.Merge(q, got, bias);
        Assert.True(Bench.Difference(got, expected) < 1e-6);
    }

    [Fact]
    public void Mixing_refuses_by_name()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter plain = LoraBench.Make(model, """{"r": 2}"""), larger = LoraBench.Make(model, """{"r": 3}""");
        using TrainedAdapter dora = LoraBench.Make(model, """{"r": 2, "use_dora": true}""");
        Assert.Contains("ties", Assert.Throws<NotSupportedException>(() => Merging.WeightedSum("x", [plain], [1], "ties")).Message, StringComparison.Ordinal);
        Assert.Contains("plain", Assert.Throws<NotSupportedException>(() => Merging.WeightedSum("x", [plain, dora], [1, 1], "cat")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Merging.WeightedSum("x", [plain, larger], [1, 1], "linear"));
        Assert.Throws<ArgumentException>(() => Merging.WeightedSum("x", [plain], [1, 2], "cat"));
        Assert.Throws<ArgumentException>(() => Merging.WeightedSum("x", [plain], [double.NaN], "cat"));
        Assert.Throws<ArgumentException>(() => Merging.WeightedSum("x", [plain], [1], "unheard"));
    }

    private static void Add(TrainedAdapter adapter, LinearSite site, float weight, float[] to)
    {
        float[] own = new float[to.Length], bias = new float[site.Outputs];
        adapter[site]!.Merge(site, own, bias);
        for (int i = 0; i < to.Length; i++)
        {
            to[i] += weight * own[i];
        }
    }
}
