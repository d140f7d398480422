using Lorikeet.Models.Files;

namespace Lorikeet.Training.Tests.Data;

public sealed class DataFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-data").FullName;

    [Fact]
    public void Reads_prompts_messages_and_texts()
    {
        List<DataRecord> records = [.. DataFile.Read(Write(
            "a.jsonl",
            """{"prompt": "p", "completion": "c"}"""u8,
            "\n\n"u8,
            """{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]}"""u8,
            "\r\n"u8,
            """{"text": "t"}"""u8))];
        Assert.Equal(3, records.Count);
        Assert.Equal([new TextPart("p", false), new TextPart("c", true)], records[0].Parts);
        Assert.Equal("<|system|>\ns\n<|user|>\nu\n<|assistant|>\na", string.Concat(records[1].Parts.Select(p => p.Text)));
        Assert.Equal(["a"], records[1].Parts.Where(p => p.Learn).Select(p => p.Text));
        Assert.Equal([new TextPart("t", true)], records[2].Parts);
        Assert.Equal([false, false, true], records.Select(r => r.Whole));
    }

    [Fact]
    public void Splits_plain_text_where_asked()
    {
        string path = Write("a.txt", "one\n---\ntwo\n---\n"u8);
        Assert.Single(DataFile.Read(path));
        Assert.Equal(["one", "two"], DataFile.Read(path, new DataOptions { Separator = "\n---\n" }).Select(r => r.Parts[0].Text));
    }

    [Theory]
    [InlineData("{\"text\": 1}", "\"text\" is a number")]
    [InlineData("{\"txt\": \"a\"}", "no field \"text\" (found: txt)")]
    [InlineData("{\"prompt\": \"a\"}", "no field \"completion\"")]
    [InlineData("{\"text\": \"a\"", "not valid JSON")]
    [InlineData("[1]", "expected an object")]
    [InlineData("{\"messages\": []}", "at least one")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}", "nothing to learn")]
    [InlineData("{\"messages\": [{\"role\": \"robot\", \"content\": \"a\"}]}", "role robot")]
    public void Errors_name_file_and_line(string line, string expected)
    {
        string path = Write("a.jsonl", "{\"text\": \"good\"}\n"u8, System.Text.Encoding.UTF8.GetBytes(line));
        BadFileException e = Assert.Throws<BadFileException>(() => DataFile.Read(path).ToList());
        Assert.Contains($"{path}, line 2", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void Bytes_that_are_not_text_are_refused_with_their_line()
    {
        foreach (string name in (string[])["a.jsonl", "a.txt"])
        {
            string path = Write(name, "{\"text\": \"a\"}\n{\"text\": \"\xff\"}"u8[..^4], [0xFF, 0xFE]);
            Assert.Contains("line 2 is not UTF-8", Assert.Throws<BadFileException>(() => DataFile.Read(path).ToList()).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Nothing_is_refused()
    {
        Assert.Throws<BadFileException>(() => DataFile.Read(Write("a.jsonl", "\n \n"u8)).ToList());
        Assert.Throws<BadFileException>(() => DataFile.Read(Write("a.txt", ""u8)).ToList());
        Assert.Throws<BadFileException>(() => DataFile.Read(Path.Combine(folder, "absent.txt")).ToList());
        Assert.Throws<BadFileException>(() => DataFile.Read(folder).ToList());
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Write(string name, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b = default, ReadOnlySpan<byte> c = default, ReadOnlySpan<byte> d = default, ReadOnlySpan<byte> e = default)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllBytes(path, [.. a, .. b, .. c, .. d, .. e]);
        return path;
    }
}
