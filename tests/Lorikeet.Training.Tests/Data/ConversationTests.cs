using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Training.Tests.Data;

public class ConversationTests
{
    private const string ChatMl =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    // Leaves what was thought out of all answers but the last, as Qwen 3 does.
    private const string Forgetful =
        "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' and not loop.last %}{{ m.content.split('</think>')[-1] }}{% else %}{{ m.content }}{% endif %}<|end|>" +
        "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

    private const string Marked = "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}";

    [Theory]
    [InlineData(ChatMl, "Hi 😀!<|im_end|>\n|Bye<|im_end|>\n")]
    [InlineData(Marked, "Hi 😀!</s>|Bye</s>")]
    [InlineData(Forgetful, "Hi 😀!<|end|>|Bye<|end|>")]
    public void What_assistants_say_is_learnt_with_its_end(string template, string learnt)
    {
        DataRecord record = Lay(template, """[{"role": "user", "content": "Hé 😀"}, {"role": "assistant", "content": "Hi 😀!"}, {"role": "user", "content": "Hi 😀!"}, {"role": "assistant", "content": "Bye"}]""");
        Assert.Equal(learnt, string.Join('|', record.Parts.Where(p => p.Learn).Select(p => p.Text)));
        Assert.True(record.Complete);
    }

    [Fact]
    public void Answers_that_are_laid_out_anew_are_found_by_their_content()
    {
        DataRecord record = Lay(Forgetful, """[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "<think>x</think>d"}]""");
        Assert.Equal(["b<|end|>", "<think>x</think>d<|end|>"], record.Parts.Where(p => p.Learn).Select(p => p.Text));
        Assert.Equal("[user]a<|end|>[assistant]b<|end|>[user]c<|end|>[assistant]<think>x</think>d<|end|>", string.Concat(record.Parts.Select(p => p.Text)));
    }

    [Fact]
    public void What_a_template_drops_or_refuses_is_an_error_with_its_line()
    {
        string messages = """[{"role": "user", "content": "a"}, {"role": "assistant", "content": "<think>x</think>b"}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]""";
        Assert.Contains("line 1: the chat template leaves out or changes what message 2 says", Assert.Throws<BadFileException>(() => Lay(Forgetful, messages)).Message, StringComparison.Ordinal);
        Assert.Contains("line 1: only two", Assert.Throws<BadFileException>(() => Lay("{{ raise_exception('only two') }}", messages)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_laid_out_conversation_gets_no_other_special_tokens()
    {
        DataRecord record = Lay(ChatMl, """[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]""");
        TokenDocuments documents = DocumentTokens.Encode([record], new ByteTokenizer(), 256);
        Batch batch = documents.Pack([0]);
        Assert.DoesNotContain(256, batch.Targets);
        Assert.Equal("b<|im_end|>\n".Length, batch.TargetCount);
    }

    private static DataRecord Lay(string template, string messages)
    {
        using JsonDocument row = JsonDocument.Parse($"{{\"messages\": {messages}}}");
        return new RowLayout(new DataOptions(), ChatTemplate.Parse(template)).Lay(new DataRow("talk.jsonl, line 1", row.RootElement.Clone()));
    }
}
