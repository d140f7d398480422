using System.Text.Json;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Tests.Commands;

[Collection("console")]
public sealed class TemplateCommandTests : IDisposable
{
    private const string Template = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if tools %}{{ tools | length }} tools\n{% endif %}{{ mood }}{% if add_generation_prompt %}[assistant]{% endif %}\n";
    private readonly TemporaryFolder folder = new("template");

    public TemplateCommandTests()
    {
        File.WriteAllText(folder["t.jinja"], Template);
        File.WriteAllText(folder["talk.json"], """[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo "}]""");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_template_file_is_laid_out() =>
        Assert.Equal("[user] Hi\n[assistant] Yo \n[assistant]", Cli.Run("template", "--template", folder["t.jinja"], "--messages", folder["talk.json"]).Done().Output.TrimEnd('\n'));

    [Fact]
    public void Variables_and_tools_reach_it()
    {
        File.WriteAllText(folder["tools.json"], """[{"type": "function"}]""");
        string text = Cli.Run("template", "--template", folder["t.jinja"], "--messages", folder["talk.json"], "--tools", folder["tools.json"], "--set", "mood=good", "--no-generation-prompt").Done().Output;
        Assert.Contains("1 tools\ngood", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\n[assistant]\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_final_message_stays_open() =>
        Assert.Equal("[user] Hi\n[assistant] Yo ", Cli.Run("template", "--template", folder["t.jinja"], "--messages", folder["talk.json"], "--continue", "--json").Done().Output is var json
            ? JsonDocument.Parse(json).RootElement.GetProperty("text").GetString() : null);

    [Fact]
    public void A_models_template_gives_its_tokens()
    {
        BpeTrainer.Train(["user assistant Hi Yo"], new BpeTrainerOptions { BosToken = "<s>" }).Save(folder.Path);
        File.Move(folder["t.jinja"], folder["chat_template.jinja"]);
        string json = Cli.Run("template", "--model", folder.Path, "--messages", folder["talk.json"], "--tokens", "--json").Done().Output;
        JsonElement root = JsonDocument.Parse(json).RootElement;
        string text = root.GetProperty("text").GetString()!;
        Assert.StartsWith("<s>[user] Hi", text, StringComparison.Ordinal);
        int[] ids = [.. root.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32())];
        Assert.Equal(text, Tokenizer.Load(folder.Path).Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void Failures_are_one_line()
    {
        File.WriteAllText(folder["bad.jinja"], "a\n{{ raise_exception('not\nthis') }}");
        Assert.Contains("line 2: not this", Cli.Run("template", "--template", folder["bad.jinja"], "--messages", folder["talk.json"]).Refused(), StringComparison.Ordinal);
        File.WriteAllText(folder["bad.jinja"], "{% if %}");
        Assert.Contains("line 1: Expected an expression", Cli.Run("template", "--template", folder["bad.jinja"], "--messages", folder["talk.json"]).Refused(), StringComparison.Ordinal);
        File.WriteAllText(folder["empty.json"], "[]");
        Assert.Contains("empty conversation", Cli.Run("template", "--template", folder["t.jinja"], "--messages", folder["empty.json"]).Refused(), StringComparison.Ordinal);
        Assert.Contains("give --model", Cli.Run("template", "--messages", folder["talk.json"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("NAME=VALUE", Cli.Run("template", "--template", folder["t.jinja"], "--messages", folder["talk.json"], "--set", "x").Refused(2), StringComparison.Ordinal);
        Assert.Contains("no chat template", Cli.Run("template", "--model", folder.Path, "--messages", folder["talk.json"]).Refused(), StringComparison.Ordinal);
    }
}
