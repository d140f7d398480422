using System.Text.Json;

namespace Lorikeet.Server.Tests.Contract;

/// <summary>Budgets of section 16, at the limit and one above, with small limits.</summary>
public sealed class LimitTests(LimitTests.Host host) : IClassFixture<LimitTests.Host>
{
    private static readonly ServerLimits Small = new()
    {
        Prompts = 2,
        Choices = 4,
        GeneratedTokens = 40,
        EmbeddingInputs = 2,
        EmbeddingTokens = 6,
        Messages = 2,
        Tools = 1,
        ToolBytes = 120,
        Stops = 2,
        StopCharacters = 3,
        StopTokens = 2,
        LogitBias = 2,
        AllowedTokens = 2,
        BadWords = 1,
        SchemaBytes = 60,
        SchemaDepth = 2,
        SchemaProperties = 1,
        SchemaValues = 2,
        GrammarBytes = 10,
        GrammarChoices = 2,
        Repetitions = 5,
        MixtureEntries = 1,
        TemplateOutput = 100,
        BodyBytes = 4000,
        JsonDepth = 12,
    };

    [Theory]
    [InlineData("/v1/completions", "prompt", "[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]")]
    [InlineData("/v1/completions", "n", "4", "5")]
    [InlineData("/v1/completions", "max_tokens", "40", "41")]
    [InlineData("/v1/completions", "stop", "[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]")]
    [InlineData("/v1/completions", "stop", "\"abc\"", "\"abcd\"")]
    [InlineData("/v1/completions", "stop_token_ids", "[1,2]", "[1,2,3]")]
    [InlineData("/v1/completions", "logit_bias", "{\"1\":0,\"2\":0}", "{\"1\":0,\"2\":0,\"3\":0}")]
    [InlineData("/v1/completions", "allowed_token_ids", "[1,2]", "[1,2,3]")]
    [InlineData("/v1/completions", "bad_words", "[\"a\"]", "[\"a\",\"b\"]")]
    [InlineData("/v1/completions", "guided_choice", "[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]")]
    [InlineData("/v1/completions", "guided_regex", "\"a{5}\"", "\"a{6}\"")]
    [InlineData("/v1/completions", "guided_regex", "\"aaaaaaaaaa\"", "\"aaaaaaaaaaa\"")]
    [InlineData("/v1/completions", "guided_json", "{\"enum\":[1,2]}", "{\"enum\":[1,2,3]}")]
    [InlineData("/v1/completions", "guided_json", "{\"properties\":{\"a\":{}}}", "{\"properties\":{\"a\":{},\"b\":{}}}")]
    [InlineData("/v1/completions", "guided_json", "{\"items\":{\"items\":{}}}", "{\"items\":{\"items\":{\"items\":{}}}}")]
    [InlineData("/v1/completions", "guided_json", "{\"const\":\"0123456789012345678901234567890123456789012\"}", "{\"const\":\"01234567890123456789012345678901234567890123456789\"}")]
    [InlineData("/v1/chat/completions", "messages", "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]", "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"b\"}]")]
    [InlineData("/v1/chat/completions", "tools", "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]", "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]")]
    [InlineData("/v1/embeddings", "input", "[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]")]
    [InlineData("/v1/embeddings", "input", "\"abcdef\"", "\"abcdefg\"")]
    public async Task At_the_limit_and_above(string path, string field, string at, string above)
    {
        (await PostAsync(path, field, at)).Ok();
        JsonElement error = (await PostAsync(path, field, above)).Error(400, "limit_exceeded");
        Assert.NotEqual(JsonValueKind.Null, error.GetProperty("param").ValueKind);
    }

    [Fact]
    public async Task Bodies_templates_and_mixtures()
    {
        (await PostAsync("/v1/chat/completions", "messages", $"[{{\"role\":\"user\",\"content\":\"{new string('x', 300)}\"}}]")).Error(400, "template_limit");
        (await host.Server.PostAsync("/v1/completions", $"{{\"prompt\":\"{new string('x', 4000)}\"}}")).Error(413, "request_too_large");
        (await PostAsync("/v1/completions", "adapters", "[{\"name\":\"a\",\"weight\":1},{\"name\":\"b\",\"weight\":1}]")).Error(400, "limit_exceeded", "adapters");
        (await PostAsync("/v1/completions", "metadata", string.Concat(Enumerable.Repeat("[", 12)) + string.Concat(Enumerable.Repeat("]", 12)))).Error(400, "invalid_json");
    }

    /// <summary>Each default is within what an operator may set, and one above that is refused by name.</summary>
    [Fact]
    public void Limits_beyond_their_hard_maximum_are_refused()
    {
        Assert.Empty(new ServerLimits().Faults());
        string fault = Assert.Single(new ServerLimits { BodyBytes = (64 << 20) + 1 }.Faults());
        Assert.Equal("Limits.BodyBytes is 67108865; expected 0 to 67108864", fault);
        Assert.Single(new ServerLimits { StreamStall = TimeSpan.FromSeconds(-1) }.Faults());
        Assert.Contains("Limits.JsonDepth", Assert.Throws<ArgumentException>(() => LorikeetServer.Create(new ServerOptions { Model = TinyServer.Model, Limits = new ServerLimits { JsonDepth = 129 } })).Message, StringComparison.Ordinal);
    }

    private Task<Answer> PostAsync(string path, string field, string value)
    {
        Dictionary<string, string> members = path switch
        {
            "/v1/embeddings" => new() { ["input"] = "\"a\"" },
            "/v1/completions" => new() { ["prompt"] = "\"a\"", ["max_tokens"] = "2" },
            _ => new() { ["messages"] = "[{\"role\":\"user\",\"content\":\"a\"}]", ["max_tokens"] = "2" },
        };
        members[field] = value;
        return host.Server.PostAsync(path, "{" + string.Join(',', members.Select(m => $"\"{m.Key}\":{m.Value}")) + "}");
    }

    /// <summary>A server of small limits.</summary>
    public sealed class Host : IAsyncLifetime
    {
        public TinyServer Server { get; private set; } = null!;

        public async Task InitializeAsync() => Server = await TinyServer.StartAsync((o, _) => o with { Limits = Small });

        public async Task DisposeAsync() => await Server.DisposeAsync();
    }
}
