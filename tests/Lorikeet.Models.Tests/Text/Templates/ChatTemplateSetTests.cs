using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Tests.Text.Templates;

public sealed class ChatTemplateSetTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_template_may_stand_in_the_configuration()
    {
        File.WriteAllText(folder["tokenizer_config.json"], """{"chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "bos_token": {"content": "<s>"}, "eos_token": null}""");
        Assert.Equal("<s>Hi", Render(ChatTemplateSet.Load(folder.Path).Choose()));
    }

    [Fact]
    public void A_file_comes_before_the_configuration()
    {
        File.WriteAllText(folder["tokenizer_config.json"], """{"chat_template": "old", "bos_token": "<s>"}""");
        File.WriteAllText(folder["chat_template.jinja"], "new {{ bos_token }}\n");
        Assert.Equal("new <s>", Render(ChatTemplateSet.Load(folder.Path).Choose()));
    }

    [Fact]
    public void Several_templates_have_names()
    {
        File.WriteAllText(folder["tokenizer_config.json"], """{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}, {"name": "rag", "template": "r"}]}""");
        ChatTemplateSet set = ChatTemplateSet.Load(folder.Path);
        Assert.Equal(["default", "rag", "tool_use"], set.Names.Order(StringComparer.Ordinal));
        Assert.Equal("d", Render(set.Choose()));
        Assert.Equal("t", Render(set.Choose(tools: true)));
        Assert.Equal("r", Render(set.Choose("rag", tools: true)));
        Assert.Contains("it has default, tool_use, rag", Assert.Throws<BadFileException>(() => set.Choose("other")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_templates_may_stand_in_a_folder()
    {
        File.WriteAllText(folder["chat_template.jinja"], "d");
        Directory.CreateDirectory(folder["additional_chat_templates"]);
        File.WriteAllText(folder["additional_chat_templates/tool_use.jinja"], "t");
        ChatTemplateSet set = ChatTemplateSet.Load(folder.Path);
        Assert.Equal("t", Render(set.Choose(tools: true)));
        Assert.Equal("d", Render(set.Choose()));
    }

    [Fact]
    public void A_tokenizer_brings_its_template()
    {
        BpeTrainer.Train(["ab"], new BpeTrainerOptions { BosToken = "<b>" }).Save(folder.Path);
        File.WriteAllText(folder["chat_template.jinja"], "{{ bos_token }}!");
        Assert.Equal("<b>!", Render(ChatTemplateSet.Of(Tokenizer.Load(folder.Path)).Choose()));
    }

    [Fact]
    public void A_model_without_one_says_so() =>
        Assert.Contains("has no chat template", Assert.Throws<BadFileException>(() => ChatTemplateSet.Load(folder.Path).Choose()).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"chat_template": 5}""", "expected a string")]
    [InlineData("""{"chat_template": [{"name": "a"}]}""", "has no template")]
    [InlineData("""{"chat_template": [5]}""", "expected an object")]
    [InlineData("[]", "expected an object")]
    public void Bad_configurations_are_refused_in_one_line(string json, string expected)
    {
        File.WriteAllText(folder["tokenizer_config.json"], json);
        Assert.Contains(expected, Assert.Throws<BadFileException>(() => ChatTemplateSet.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused()
    {
        File.WriteAllBytes(folder["chat_template.jinja"], [(byte)'a', 0xFF, 0xFE]);
        Assert.Contains("chat_template.jinja is not UTF-8 at byte 1", Assert.Throws<BadFileException>(() => ChatTemplateSet.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Conversations_are_checked()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ messages[0].content }}");
        Assert.Equal(TemplateErrorKind.EmptyConversation, Fails("[]").Kind);
        Assert.Contains("expected an array", Fails("{}").Message, StringComparison.Ordinal);
        Assert.Contains("digits", Fails($"[{{\"content\": {new string('9', 5000)}}}]").Message, StringComparison.Ordinal);
        Assert.Contains("surrogate", Fails("""[{"content": "\ud800"}]""").Message, StringComparison.Ordinal);

        TemplateException Fails(string messages)
        {
            using JsonDocument json = JsonDocument.Parse(messages);
            return Assert.Throws<TemplateException>(() => template.Render(new ChatRequest { Messages = json.RootElement }));
        }
    }

    [Fact]
    public void Many_threads_share_one_template()
    {
        ChatTemplate template = ChatTemplate.Parse("{% for m in messages %}{{ loop.index }}{{ m.content | upper }}{% endfor %}");
        Parallel.For(0, 500, _ => Assert.Equal("1HI", Render(template)));
    }

    private static string Render(ChatTemplate template)
    {
        using JsonDocument json = JsonDocument.Parse("""[{"role": "user", "content": "Hi"}]""");
        return template.Render(new ChatRequest { Messages = json.RootElement }).Text;
    }
}
