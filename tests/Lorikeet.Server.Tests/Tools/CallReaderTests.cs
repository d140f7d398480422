using System.Text.Json;

namespace Lorikeet.Server.Tests.Tools;

/// <summary>Calls are found in answers, however the text is cut into pieces.</summary>
public sealed class CallReaderTests
{
    private static readonly ToolPlan Auto = new()
    {
        Mode = ToolMode.Auto,
        Tools = [new Tool("f", JsonDocument.Parse("{}").RootElement, false, "tools[0]"), new Tool("g", null, false, "tools[1]")],
    };

    [Theory]
    [InlineData("just text", "just text", "")]
    [InlineData("""<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>""", "", """f{"a": 1}""")]
    [InlineData("""so: <tool_call>{"name":"f","arguments":{}}</tool_call>  <tool_call>{"name":"g"}</tool_call>""", "so: ", "f{} g{}")]
    [InlineData("""{"name": "f", "parameters": {"x": "<}>"}}""", "", """f{"x": "<}>"}""")]
    [InlineData("""[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"y": [1]}}]""", "", """f{} g{"y": [1]}""")]
    [InlineData("""<tool_call>{"name": "other", "arguments": {}}</tool_call>""", """<tool_call>{"name": "other", "arguments": {}}</tool_call>""", "")]
    [InlineData("""<tool_call>{"name": "f", "argum</tool_call>x""", """<tool_call>{"name": "f", "argum</tool_call>x""", "")]
    [InlineData("""{"not": "a call"}""", """{"not": "a call"}""", "")]
    [InlineData("a <tool_", "a <tool_", "")]
    [InlineData("""<tool_call>{"name": "f", "arguments": {}}""", "", "f{}")]
    public void Free_text(string text, string content, string calls)
    {
        for (int cut = 1; cut <= text.Length; cut += 3)
        {
            Assert.Equal((content, calls), Read(CallReader.Of(Auto), text, cut));
        }
    }

    [Fact]
    public void Required_calls_come_as_a_list()
    {
        const string Text = """[{"name": "f", "parameters": {"a": "]}\"", "b": {"c": []}}}, {"name": "g", "parameters": {}}]""";
        for (int cut = 1; cut <= Text.Length; cut++)
        {
            Assert.Equal(("", """f{"a": "]}\"", "b": {"c": []}} g{}"""), Read(CallReader.Of(Auto with { Mode = ToolMode.Required }), Text, cut));
        }
    }

    [Fact]
    public void A_named_call_is_the_whole_text() => Assert.Equal(("", """f{"a":1}"""), Read(CallReader.Of(Auto with { Mode = ToolMode.Named }), """{"a":1}""", 2));

    private static (string Content, string Calls) Read(CallReader reader, string text, int cut)
    {
        List<AnswerPart> parts = [];
        for (int i = 0; i < text.Length; i += cut)
        {
            reader.Push(text.Substring(i, Math.Min(cut, text.Length - i)), parts);
        }
        reader.Close(parts);
        string content = "", calls = "";
        foreach (AnswerPart part in parts)
        {
            content += part.Call < 0 ? part.Text : "";
            calls += part.Name is not null ? (calls.Length > 0 ? " " : "") + part.Name : part.Call >= 0 ? part.Text : "";
        }
        return (content, calls);
    }
}
