// Cuts short held-out texts for the demo: dotnet run eng/starter/excerpts.cs -- HELD OUT
// Of each HELD/{language}.jsonl the beginnings of documents, at most 3,000 characters of one and 24,000 together, whole lines, as OUT/{language}.jsonl.
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: dotnet run eng/starter/excerpts.cs -- HELD OUT");
    return 2;
}
const int OfOne = 3000, Together = 24000;
JsonSerializerOptions plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
Directory.CreateDirectory(args[1]);
foreach (string language in (string[])["rust", "ruby", "perl", "lua", "haskell", "shell", "tcl", "scheme"])
{
    int length = 0;
    List<string> lines = [];
    foreach (string line in File.ReadLines(Path.Combine(args[0], language + ".jsonl")))
    {
        string text = JsonNode.Parse(line)!["text"]!.GetValue<string>();
        int end = Math.Min(text.Length, Math.Min(OfOne, Together - length));
        end = end == text.Length ? end : text.LastIndexOf('\n', Math.Max(0, end - 1)) + 1;
        // Short documents are mostly lists of names.
        if (end < 1000)
        {
            continue;
        }
        length += end;
        lines.Add(new JsonObject { ["text"] = text[..end] }.ToJsonString(plain));
    }
    File.WriteAllLines(Path.Combine(args[1], language + ".jsonl"), lines);
}
return 0;
