using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Data;

public sealed class DataFormatTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-data").FullName;

    [Fact]
    public void Fields_in_quotes_hold_separators_breaks_and_quotes()
    {
        string path = Write("a.csv", "\uFEFF\"mr\",ref\r\n\"a, b\",plain\r\n\r\n\"two\nlines\",\"say \"\"hi\"\"\"\r\n,\n");
        List<DataRow> rows = [.. DataFile.Rows(path)];
        Assert.Equal(["a, b|plain", "two\nlines|say \"hi\"", "|"], rows.Select(r => $"{r.Text("mr")}|{r.Text("ref")}"));
        Assert.Equal([$"{path}, line 2", $"{path}, line 4", $"{path}, line 6"], rows.Select(r => r.Where));
    }

    [Fact]
    public void Columns_name_a_file_without_names()
    {
        string path = Write("a.tsv", "it isn't \"bad\"\t0\ngood\t1");
        DataOptions options = new() { Task = DataTask.Classify, Columns = ["sentence", "label"], TextField = "sentence" };
        List<DataRecord> records = [.. DataFile.Read(path, options)];
        Assert.Equal(["it isn't \"bad\"=0", "good=1"], records.Select(r => $"{r.Parts[0].Text}={r.Label}"));
        Assert.Equal(["0", "1"], DataFile.Labels(path, options));
    }

    [Theory]
    [InlineData("a,b\n1,2,3\n", "line 2 has 3 fields; expected 2: a, b")]
    [InlineData("a,b\n\"open,2\n", "line 2: a field begins with a quote that is never closed")]
    [InlineData("a,b\n\"x\"y,2\n", "line 2: a field in quotes goes on after its last quote")]
    [InlineData("a,a\n1,2\n", "line 1: the first row should name the columns, each once")]
    [InlineData("a,b\n", "holds no document")]
    public void Bad_rows_are_refused_with_their_line(string text, string expected)
    {
        string path = Write("a.csv", text);
        string message = Assert.Throws<BadFileException>(() => DataFile.Rows(path).ToList()).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Templates_part_what_is_read_from_what_is_learnt()
    {
        string path = Write("a.jsonl", "{\"question\": \"1+1?\", \"answer\": 2}");
        DataRecord record = Assert.Single(DataFile.Read(path, new DataOptions { Template = "Q: {question} {{}}\nA: {answer}." }));
        Assert.Equal([new TextPart("Q: 1+1? {}\nA: ", false), new TextPart("2.", true)], record.Parts);
        record = Assert.Single(DataFile.Read(path, new DataOptions { Template = "{answer} <- {question}", CompletionField = "answer" }));
        Assert.Equal([new TextPart("", false), new TextPart("2 <- 1+1?", true)], record.Parts);
        record = Assert.Single(DataFile.Read(path, new DataOptions { PromptField = "question", CompletionField = "answer" }));
        Assert.Equal([new TextPart("1+1?", false), new TextPart("2", true)], record.Parts);
    }

    [Theory]
    [InlineData("{a", "a { without a name and a }")]
    [InlineData("a}", "a } without a {")]
    [InlineData("plain", "names no field")]
    public void Bad_templates_are_refused(string template, string expected) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => new DataOptions { Template = template }.Check()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_folder_is_its_files_in_order()
    {
        Write("b.txt", "second");
        Directory.CreateDirectory(Path.Combine(folder, "c", ".git"));
        Write("c/a.jsonl", "{\"text\": \"third\"}\n{\"text\": \"fourth\"}");
        Write("c/.git/x.txt", "hidden");
        Write("a.md", "first");
        Assert.Equal(["first", "second", "third", "fourth"], DataFile.Read(folder).Select(r => r.Parts[0].Text));
    }

    [Fact]
    public void A_text_longer_than_a_piece_is_cut_at_line_breaks_and_loses_nothing()
    {
        string line = new string('x', 99) + "é\n";
        string text = string.Concat(Enumerable.Repeat(line, (PlainText.LongestPiece / 102) + 1000));
        string path = Write("long.txt", text);
        List<DataRow> rows = [.. DataFile.Rows(path)];
        Assert.Equal(2, rows.Count);
        Assert.All(rows, r => Assert.EndsWith("\n", r.Text("text"), StringComparison.Ordinal));
        Assert.Equal(text, string.Concat(rows.Select(r => r.Text("text"))));
    }

    [Fact]
    public void Pairs_share_a_prompt()
    {
        string path = Write("a.jsonl", "{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\"}");
        DataRecord record = Assert.Single(DataFile.Read(path, new DataOptions { Task = DataTask.Prefer }));
        Assert.Equal([new TextPart("p", false), new TextPart("c", true)], record.Parts);
        Assert.Equal([new TextPart("p", false), new TextPart("r", true)], record.Rejected!);
    }

    /// <summary>Mutated files of each format: rows, or one clear line.</summary>
    [Theory]
    [InlineData("f.csv", "text,b\n\"x, \"\"y\"\"\",2\r\n\"z\nz\",é\n")]
    [InlineData("f.tsv", "text\tlabel\na b\t1\n\"c\"\t0\n")]
    [InlineData("f.jsonl", "{\"text\": \"é\\u00e9\", \"n\": 1}\n{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}\n{\"prompt\": \"p\", \"completion\": \"c\"}\n")]
    [InlineData("f.txt", "one\n---\nzwei é\n---\n")]
    public void Mutated_files_are_read_or_refused_in_one_line(string name, string text)
    {
        CounterRandom random = new(20261126);
        ulong drawn = 0;
        byte[] good = Encoding.UTF8.GetBytes(text);
        DataOptions options = new() { Separator = "\n---\n" };
        int refused = 0;
        for (int i = 0; i < 3000; i++)
        {
            byte[] bad = (byte[])good.Clone();
            for (int change = 1 + Draw(4); change > 0 && bad.Length > 2; change--)
            {
                int at = Draw(bad.Length);
                switch (Draw(4))
                {
                    case 0:
                        bad[at] = (byte)Draw(256);
                        break;
                    case 1:
                        bad = [.. bad[..at], .. bad[(at + 1)..]];
                        break;
                    case 2:
                        bad = [.. bad[..at], (byte)"\"{}[],\t\n\\"[Draw(9)], .. bad[at..]];
                        break;
                    default:
                        bad = bad[..Math.Max(1, at)];
                        break;
                }
            }
            File.WriteAllBytes(Path.Combine(folder, name), bad);
            try
            {
                _ = DataFile.Read(Path.Combine(folder, name), options).ToList();
            }
            catch (BadFileException e)
            {
                refused++;
                Assert.StartsWith(Path.Combine(folder, name), e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', e.Message);
            }
        }
        Assert.InRange(refused, 50, 2999);

        int Draw(int bound) => random.Integer(drawn++, bound);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Write(string name, string text)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
