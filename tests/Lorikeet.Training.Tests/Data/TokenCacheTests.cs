using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Training.Tests.Data;

public sealed class TokenCacheTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-cache").FullName;

    private string Data => Path.Combine(folder, "data.jsonl");

    private string Cache => Path.Combine(folder, "cache");

    public TokenCacheTests() => File.WriteAllLines(Data, Enumerable.Range(0, 200).Select(i => i % 3 == 0
        ? $$"""{"text": "{{new string((char)('a' + (i % 26)), 5 + (i % 70))}}"}"""
        : $$"""{"prompt": "question {{i}}", "completion": " answer {{i * i}}"}"""));

    [Fact]
    public void Batches_from_disk_are_those_from_memory()
    {
        using TokenDocuments memory = Load(cache: "");
        for (int pass = 0; pass < 2; pass++)
        {
            // Written, then found.
            using TokenDocuments disk = Load(Cache);
            Assert.Equal((memory.DocumentCount, memory.TokenCount, memory.TargetCount, memory.CutCount), (disk.DocumentCount, disk.TokenCount, disk.TargetCount, disk.CutCount));
            IReadOnlyList<Batch> one = DocumentTokens.InOrder(memory.All(), 64), other = DocumentTokens.InOrder(disk.All(), 64);
            Assert.Equal(one.Count, other.Count);
            foreach ((Batch a, Batch b) in one.Zip(other))
            {
                Assert.Equal(a.Tokens, b.Tokens);
                Assert.Equal(a.Targets, b.Targets);
                Assert.Equal(a.Bytes, b.Bytes);
            }
        }
        Assert.Single(Directory.GetDirectories(Cache));
        Assert.Empty(Directory.GetDirectories(Cache, ".*"));
    }

    [Fact]
    public void Another_file_layout_or_context_is_another_cache()
    {
        Load(Cache).Dispose();
        Load(Cache, context: 17).Dispose();
        Load(Cache, options: new DataOptions { Template = "{text}" }, data: Write("only.jsonl", "{\"text\": \"abc\"}")).Dispose();
        File.AppendAllText(Data, "{\"text\": \"one more\"}\n");
        Load(Cache).Dispose();
        Assert.Equal(4, Directory.GetDirectories(Cache).Length);
    }

    [Fact]
    public async Task Several_writers_at_once_leave_one_cache()
    {
        TokenDocuments[] all = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Load(Cache))));
        Assert.Single(all.Select(a => (a.TokenCount, a.TargetCount)).Distinct());
        Assert.Single(Directory.GetDirectories(Cache));
        foreach (TokenDocuments documents in all)
        {
            documents.Dispose();
        }
    }

    [Fact]
    public void A_damaged_cache_is_refused()
    {
        Load(Cache).Dispose();
        string place = Directory.GetDirectories(Cache)[0];
        foreach (string name in (string[])["about.json", "pieces.safetensors", "shard-00000.safetensors"])
        {
            string file = Path.Combine(place, name);
            byte[] good = File.ReadAllBytes(file);
            File.WriteAllBytes(file, good[..(good.Length / 2)]);
            Assert.Throws<BadFileException>(() => Load(Cache));
            File.Delete(file);
            Assert.Throws<BadFileException>(() => Load(Cache));
            File.WriteAllBytes(file, good);
        }
        // An id that no token has, where the file is whole: found when it is read.
        string shard = Path.Combine(place, "shard-00000.safetensors");
        byte[] bytes = File.ReadAllBytes(shard);
        bytes.AsSpan(bytes.Length / 2).Fill(0x7F);
        File.WriteAllBytes(shard, bytes);
        using TokenDocuments documents = Load(Cache);
        Assert.Contains("Delete it, it is made again", Assert.Throws<BadFileException>(() => DocumentTokens.InOrder(documents.All(), 64)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private TokenDocuments Load(string cache, int context = 16, DataOptions? options = null, string? data = null) =>
        TokenCache.Load(data ?? Data, options ?? new DataOptions(), new ByteTokenizer(), context, folder: cache);

    private string Write(string name, string text)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
