using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Files;

public sealed class SafeJsonTests
{
    [Theory]
    [InlineData("{\"r\": 4, \"r\": 8}", "has 'r' twice")]
    [InlineData("{\"a\": {\"r\": 4}, \"b\": [{\"r\": 4}]}", null)]
    [InlineData("{\"a\": {\"r\": 4, \"\\u0072\": 5}}", "has 'r' twice")]
    [InlineData("{a", "is not JSON: line 1, column 2")]
    [InlineData("{\"a\": [1, 2", "ends inside an array")]
    [InlineData("{\"a\": 1", "ends inside an object")]
    [InlineData("{\"a\": 1,\n", "ends inside an object")]
    [InlineData("{} x", "is not JSON: line 1, column 4")]
    [InlineData("{\"a\":\n NaN}", "is not JSON: line 2")]
    [InlineData("", "is not JSON")]
    [InlineData("{\"a\": \"\\ud800\"}", "surrogate")]
    [InlineData("{\"a\": \"\\ud83d\\ude00\"}", null)]
    [InlineData("\uFEFF{}", null)]
    [InlineData("[[[[]]]]", "deeper than the 3 levels")]
    [InlineData("[[[]]]", null)]
    public void Text_is_accepted_or_refused(string text, string? expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (expected is null)
        {
            using JsonDocument json = SafeJson.Parse(bytes, "here", mostDepth: 3);
            return;
        }
        BadFileException e = Assert.Throws<BadFileException>(() => SafeJson.Parse(bytes, "here", mostDepth: 3));
        Assert.StartsWith("here ", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_utf8_is_named_by_its_byte()
    {
        byte[] bytes = [.. "{\"aé\": \""u8, 0xE9, .. "\"}"u8];
        BadFileException e = Assert.Throws<BadFileException>(() => SafeJson.Parse(bytes, "here"));
        Assert.Contains("not UTF-8 at byte 9", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Large_files_are_refused_unread()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["a.json"], new string(' ', 100) + "{}");
        Assert.Contains("102 bytes", Assert.Throws<BadFileException>(() => SafeJson.Read(folder["a.json"], mostBytes: 101)).Message, StringComparison.Ordinal);
        using JsonDocument json = SafeJson.Read(folder["a.json"], mostBytes: 102);
    }

    [SharedTheory("parity/adapters/bad/index.json")]
    [InlineData("config-not-json", "is not JSON: line 1, column")]
    [InlineData("config-truncated", "ends inside an object")]
    [InlineData("config-array", "holds an array; expected an object")]
    [InlineData("config-not-utf8", "is not UTF-8 at byte 18")]
    [InlineData("config-duplicate-key", "has 'r' twice")]
    [InlineData("config-deep", "nested deeper")]
    public void Bad_configs_are_refused(string name, string expected)
    {
        string path = SharedFiles.Path($"parity/adapters/bad/{name}/adapter_config.json")!;
        BadFileException e = Assert.Throws<BadFileException>(() => SafeJson.ReadObject(path));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }
}
