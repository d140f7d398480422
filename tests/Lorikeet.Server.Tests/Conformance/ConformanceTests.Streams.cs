using System.Text.Json;

namespace Lorikeet.Server.Tests.Conformance;

/// <summary>Items 2 to 4: what a stream is made of.</summary>
public sealed partial class ConformanceTests
{
    private const string Hi = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";

    [Fact]
    public async Task Item_02_Role_chunk_first_one_closing_chunk_a_choice_usage_last()
    {
        const string Body = "{" + Hi + ",\"max_tokens\":8,\"ignore_eos\":true,\"n\":2,\"stream\":true";
        IReadOnlyList<JsonElement> events = (await Server.PostAsync("/v1/chat/completions", Body + ",\"stream_options\":{\"include_usage\":true}}")).Events();
        Assert.Empty(events[^1].GetProperty("choices").EnumerateArray());
        Assert.Equal(16, events[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.All(events.SkipLast(1), e => Assert.Equal(JsonValueKind.Null, e.GetProperty("usage").ValueKind));
        for (int choice = 0; choice < 2; choice++)
        {
            JsonElement[] own = [.. events.SkipLast(1).Select(e => e.GetProperty("choices")[0]).Where(c => c.GetProperty("index").GetInt32() == choice)];
            Assert.Equal("assistant", own[0].GetProperty("delta").GetProperty("role").GetString());
            Assert.Single(own, c => c.GetProperty("finish_reason").ValueKind == JsonValueKind.String);
            Assert.Equal("length", own[^1].GetProperty("finish_reason").GetString());
        }
        Assert.All((await Server.PostAsync("/v1/chat/completions", Body + "}")).Events(), e => Assert.False(e.TryGetProperty("usage", out _)));
    }

    /// <summary>A token is a byte here, and the answer is forced: every character and the stop text come in pieces.</summary>
    [Fact]
    public async Task Item_03_Characters_and_stop_texts_over_several_tokens_never_leak_in_part()
    {
        const string Text = "aé€😀b", More = "STOP";
        string forced = JsonSerializer.Serialize(Text + More + "rest");
        IReadOnlyList<JsonElement> events = (await Server.PostAsync("/v1/chat/completions", $$"""{{{Hi}},"structured_outputs":{"choice":[{{forced}}]},"stop":"{{More}}","stream":true}""")).Events();
        string[] pieces = [.. events.Select(e => e.GetProperty("choices")[0].GetProperty("delta")).Where(d => d.TryGetProperty("content", out _)).Select(d => d.GetProperty("content").GetString()!)];
        Assert.Equal(Text, string.Concat(pieces));
        Assert.All(pieces, p => Assert.DoesNotContain('\uFFFD', p));
        Assert.All(pieces, p => Assert.DoesNotContain('S', p));
        Assert.Contains("😀", pieces);
        Assert.Equal(("stop", More), (events[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString(), events[^1].GetProperty("choices")[0].GetProperty("stop_reason").GetString()));
    }

    [Fact]
    public async Task Item_04_Three_choices_interleave_and_the_prompt_counts_once()
    {
        IReadOnlyList<JsonElement> events = (await Server.PostAsync(
            "/v1/completions", """{"prompt":"abcdef","n":3,"max_tokens":12,"ignore_eos":true,"allowed_token_ids":[97,98,99],"stream":true,"stream_options":{"include_usage":true}}""")).Events();
        int[] order = [.. events.SkipLast(1).Select(e => e.GetProperty("choices")[0].GetProperty("index").GetInt32())];
        Assert.Equal([0, 1, 2], order.Distinct().Order());
        // None waits for another to end.
        Assert.True(Array.LastIndexOf(order, 0) > Array.IndexOf(order, 2), string.Join(' ', order));
        JsonElement usage = events[^1].GetProperty("usage");
        Assert.Equal((6, 36), (usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("completion_tokens").GetInt32()));
    }
}
