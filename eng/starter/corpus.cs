// Makes the starter model's training texts of unpacked packages: dotnet run eng/starter/corpus.cs -- UNPACKED OUT
// Reads sources.tsv beside this file. Writes OUT/base.jsonl (all languages, shuffled), OUT/{LANGUAGE}.jsonl for each adapter, OUT/held/{LANGUAGE}.jsonl
// of other projects than those trained on, and OUT/sources.tsv: what each package gave, and under which licences.
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: dotnet run eng/starter/corpus.cs -- UNPACKED OUT");
    return 2;
}
string unpacked = args[0], destination = args[1];
string manifest = Path.Combine(Path.GetDirectoryName(SourceFile())!, "sources.tsv");
Directory.CreateDirectory(Path.Combine(destination, "held"));

Source[] sources = [.. File.ReadLines(manifest).Where(line => line.Length > 0 && line[0] != '#').Select(Source.Parse)];
List<string> report = ["use\tlanguage\tsplit\tpackage\tdocuments\tbytes\tlicences"];
Dictionary<string, List<Document>> texts = [];
// Held-out projects come first: what they share with a project trained on is then dropped there, never here.
foreach (IGrouping<string, Source> language in sources.GroupBy(s => s.Language))
{
    HashSet<ulong> seen = [];
    foreach (Source source in language.OrderBy(s => s.Split == "held" ? 0 : 1))
    {
        string folder = Path.Combine(unpacked, source.Package.Replace(':', '-'));
        if (!Directory.Exists(folder))
        {
            Console.Error.WriteLine($"{source.Package} is not unpacked: left out");
            continue;
        }
        List<Document> found = Project.Read(folder, source, seen);
        string key = source.Split == "held" ? "held/" + source.Language : source.Use == "base" ? "base/" + source.Language : source.Language;
        (texts.TryGetValue(key, out List<Document>? all) ? all : texts[key] = []).AddRange(found);
        report.Add(string.Join('\t', source.Use, source.Language, source.Split, source.Package, found.Count, found.Sum(d => d.Bytes), Licences.Of(folder, source)));
    }
}

List<Document> together = [];
foreach ((string key, List<Document> documents) in texts.OrderBy(t => t.Key, StringComparer.Ordinal))
{
    long limit = key.StartsWith("held/", StringComparison.Ordinal) ? 400_000 : key.StartsWith("base/", StringComparison.Ordinal) ? 24_000_000 : 2_000_000;
    List<Document> kept = [.. Documents.UpTo(documents, limit)];
    Console.WriteLine($"{key}: {kept.Count} of {documents.Count} documents, {kept.Sum(d => d.Bytes) / 1e6:F1} MB");
    if (key.StartsWith("base/", StringComparison.Ordinal))
    {
        together.AddRange(kept);
    }
    else
    {
        Documents.Write(Path.Combine(destination, key + ".jsonl"), kept);
    }
}
Documents.Write(Path.Combine(destination, "base.jsonl"), together.OrderBy(d => d.Order, StringComparer.Ordinal));
File.WriteAllLines(Path.Combine(destination, "sources.tsv"), report);
return 0;

static string SourceFile([System.Runtime.CompilerServices.CallerFilePath] string path = "") => path;

/// <summary>One line of sources.tsv.</summary>
internal sealed record Source(string Use, string Language, string Split, string Package)
{
    public static Source Parse(string line)
    {
        string[] parts = line.Split('\t');
        return parts.Length == 4 ? new Source(parts[0], parts[1], parts[2], parts[3]) : throw new FormatException($"sources.tsv: '{line}' has {parts.Length} columns, expected 4");
    }
}

/// <summary>One text; <see cref="Order"/> is a hash of where it came from, which shuffles alike on every machine.</summary>
internal sealed record Document(string Text, string Order, int Bytes);

/// <summary>Writing and choosing documents.</summary>
internal static class Documents
{
    public static IEnumerable<Document> UpTo(IEnumerable<Document> documents, long limit)
    {
        long bytes = 0;
        return documents.OrderBy(d => d.Order, StringComparer.Ordinal).TakeWhile(d => (bytes += d.Bytes) <= limit);
    }

    public static void Write(string path, IEnumerable<Document> documents)
    {
        using StreamWriter to = new(path + ".part", false, new UTF8Encoding(false));
        foreach (Document document in documents)
        {
            to.Write("{\"text\":\"");
            to.Write(JsonEncodedText.Encode(document.Text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString());
            to.Write("\"}\n");
        }
        to.Close();
        File.Move(path + ".part", path, overwrite: true);
    }
}

/// <summary>The files of one package that are worth reading, cleaned.</summary>
internal static class Project
{
    private const int LargestFile = 120_000;
    private const int LongestDocument = 24_000;

    private static readonly Dictionary<string, string[]> Extensions = new()
    {
        ["c"] = [".c", ".h"],
        ["go"] = [".go"],
        ["java"] = [".java"],
        ["python"] = [".py"],
        ["english"] = [".xml", ".html", ".txt", ".rst", ".md"],
        ["rust"] = [".rs"],
        ["ruby"] = [".rb"],
        ["perl"] = [".pm", ".pl"],
        ["lua"] = [".lua", ".nse"],
        ["haskell"] = [".hs"],
        ["shell"] = [".sh", ".bash", ".bats", ""],
        ["tcl"] = [".tcl"],
        ["scheme"] = [".scm"],
    };

    private static readonly string[] Unwanted = ["/testdata/", "/tests/", "/test/", "/testing/", "/locale/", "/po/", "/vendor/", "/third_party/", "/node_modules/", "/generated/", "/changelog"];

    public static List<Document> Read(string folder, Source source, HashSet<ulong> seen)
    {
        List<Document> documents = [];
        string[] extensions = Extensions[source.Language];
        EnumerationOptions options = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };
        foreach (string path in Directory.EnumerateFiles(folder, "*", options).Order(StringComparer.Ordinal))
        {
            string name = path[folder.Length..];
            bool packed = name.EndsWith(".gz", StringComparison.Ordinal);
            string extension = Path.GetExtension(packed ? name[..^3] : name);
            bool english = source.Language == "english";
            if (!extensions.Contains(extension) || (!english && Array.Exists(Unwanted, part => name.Contains(part, StringComparison.OrdinalIgnoreCase))))
            {
                continue;
            }
            long size = new FileInfo(path).Length;
            if (size < 300 || (size > LargestFile && !english) || size > 40_000_000)
            {
                continue;
            }
            string? text = Utf8(path, packed);
            if (text is null || (extension.Length == 0 && !Clean.IsShell(text)))
            {
                continue;
            }
            text = english ? Clean.English(text, extension) : Clean.Code(text, source.Language);
            foreach (string part in Clean.Cut(text, LongestDocument))
            {
                if (Clean.IsNatural(part, english) && !Near.Duplicate(part, seen))
                {
                    string order = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(source.Package + name + documents.Count.ToString(CultureInfo.InvariantCulture))).AsSpan(0, 8));
                    documents.Add(new Document(part, order, Encoding.UTF8.GetByteCount(part)));
                }
            }
        }
        return documents;
    }

    private static string? Utf8(string path, bool packed)
    {
        try
        {
            using Stream file = File.OpenRead(path);
            using Stream content = packed ? new GZipStream(file, CompressionMode.Decompress) : file;
            using StreamReader reader = new(content, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return reader.ReadToEnd().ReplaceLineEndings("\n");
        }
        catch (Exception e) when (e is DecoderFallbackException or InvalidDataException or IOException)
        {
            return null;
        }
    }
}

/// <summary>Near duplicates: a text most of whose longer lines stood in an earlier text of its language.</summary>
internal static class Near
{
    public static bool Duplicate(string text, HashSet<ulong> seen)
    {
        int lines = 0, known = 0;
        List<ulong> own = [];
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            ReadOnlySpan<char> trimmed = line.Trim();
            if (trimmed.Length >= 20)
            {
                ulong hash = Hash(trimmed);
                lines++;
                known += seen.Contains(hash) ? 1 : 0;
                own.Add(hash);
            }
        }
        if (lines < 3 || known * 3 > lines)
        {
            return true;
        }
        seen.UnionWith(own);
        return false;
    }

    /// <summary>FNV-1a of the characters that are no white space.</summary>
    private static ulong Hash(ReadOnlySpan<char> line)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in line)
        {
            if (!char.IsWhiteSpace(c))
            {
                hash = (hash ^ c) * 1099511628211;
            }
        }
        return hash;
    }
}

/// <summary>What is taken out of a text, and which texts are not worth reading.</summary>
internal static partial class Clean
{
    public static bool IsShell(string text)
    {
        ReadOnlySpan<char> first = text.AsSpan(0, Math.Max(0, text.IndexOf('\n')));
        return first.StartsWith("#!") && (first.EndsWith("/sh") || first.EndsWith("/bash") || first.Contains("env bash", StringComparison.Ordinal));
    }

    /// <summary>Code without the comment with its licence at the top.</summary>
    public static string Code(string text, string language)
    {
        if (Generated().IsMatch(text.AsSpan(0, Math.Min(text.Length, 2000))))
        {
            return "";
        }
        string[] lines = text.Split('\n');
        int start = 0;
        bool block = false, licence = false;
        for (; start < lines.Length; start++)
        {
            string line = lines[start].Trim();
            bool comment = block || line.Length == 0 || line.StartsWith("#!", StringComparison.Ordinal) || Starts(line, language);
            if (!comment)
            {
                break;
            }
            block = (block || line.StartsWith("/*", StringComparison.Ordinal) || line.StartsWith("=pod", StringComparison.Ordinal) || line.StartsWith("{-", StringComparison.Ordinal))
                && !line.EndsWith("*/", StringComparison.Ordinal) && !line.EndsWith("-}", StringComparison.Ordinal);
            licence |= Licence().IsMatch(line);
        }
        IEnumerable<string> body = licence ? lines.Skip(start) : lines;
        return string.Join('\n', body.Select(line => line.TrimEnd())).Trim('\n') + "\n";
    }

    private static bool Starts(string line, string language) => language switch
    {
        "c" or "go" or "java" or "rust" => line.StartsWith("//", StringComparison.Ordinal) || line.StartsWith("/*", StringComparison.Ordinal),
        "lua" => line.StartsWith("--", StringComparison.Ordinal),
        "haskell" => line.StartsWith("--", StringComparison.Ordinal) || line.StartsWith("{-", StringComparison.Ordinal),
        "scheme" => line.StartsWith(';'),
        _ => line.StartsWith('#'),
    };

    /// <summary>Prose without mark-up.</summary>
    public static string English(string text, string extension)
    {
        if (extension == ".xml")
        {
            // Documentation comments: what each member does, one paragraph a member.
            IEnumerable<string> members = Member().Matches(text).Select(m => Plain(Reference().Replace(m.Groups[1].Value, r => r.Groups[1].Value.Split('.', '`', '(')[^1])));
            return string.Join('\n', members.Select(m => Spaces().Replace(m, " ").Trim()).Where(m => m.Length > 60).Distinct()) + "\n";
        }
        if (extension == ".html")
        {
            text = Plain(BlockEnd().Replace(Scripts().Replace(text, " "), "\n"));
        }
        // The lines of a page's navigation are short; a web page's paragraphs are one line each.
        IEnumerable<string> lines = extension == ".html"
            ? text.Split('\n').Select(line => Spaces().Replace(line, " ").Trim()).Where(line => line.Length is 0 or > 30)
            : text.Split('\n').Select(line => line.TrimEnd());
        return Blank().Replace(string.Join('\n', lines), "\n\n").Trim('\n') + "\n";
    }

    private static string Plain(string html) => WebUtility.HtmlDecode(Tag().Replace(html, ""));

    /// <summary>Parts of at most <paramref name="longest"/> characters, cut at empty lines where there are some.</summary>
    public static IEnumerable<string> Cut(string text, int longest)
    {
        int at = 0;
        while (text.Length - at > longest)
        {
            int end = text.LastIndexOf("\n\n", at + longest, longest / 2, StringComparison.Ordinal);
            end = end < 0 ? text.LastIndexOf('\n', at + longest, longest / 2) : end + 1;
            end = end < 0 ? at + longest : end + 1;
            yield return text[at..end];
            at = end;
        }
        if (at < text.Length)
        {
            yield return text[at..];
        }
    }

    /// <summary>Neither tables of numbers, nor minified, nor another script's letters.</summary>
    public static bool IsNatural(string text, bool prose)
    {
        if (text.Length < 300)
        {
            return false;
        }
        int letters = 0, digits = 0, other = 0, lines = 0, longest = 0, length = 0, spaces = 0;
        foreach (char c in text)
        {
            letters += char.IsAsciiLetter(c) ? 1 : 0;
            digits += char.IsAsciiDigit(c) ? 1 : 0;
            other += c > 126 ? 1 : 0;
            spaces += c is ' ' or '\n' ? 1 : 0;
            length = c == '\n' ? 0 : length + 1;
            longest = Math.Max(longest, length);
            lines += c == '\n' ? 1 : 0;
        }
        if (prose && Common().Count(text) * 12 < text.Length / 6)
        {
            return false;
        }
        return other * 50 < text.Length && digits * 8 < text.Length && (longest <= 400 || prose) && (prose ? letters * 10 > text.Length * 7 && spaces * 10 > text.Length : letters * 5 > text.Length * 2 && text.Length < lines * 100);
    }

    [GeneratedRegex("do not edit|generated (by|from|automatically)|automatically generated|autogenerated", RegexOptions.IgnoreCase)]
    private static partial Regex Generated();

    [GeneratedRegex("copyright|licen[cs]e|spdx|all rights reserved", RegexOptions.IgnoreCase)]
    private static partial Regex Licence();

    [GeneratedRegex("<member name=[^>]*>(.*?)</member>", RegexOptions.Singleline)]
    private static partial Regex Member();

    [GeneratedRegex("<(?:see|paramref|typeparamref|seealso)[^>]*(?:cref|name|langword)=\"(?:[A-Z]:)?([^\"]*)\"[^>]*>")]
    private static partial Regex Reference();

    [GeneratedRegex("<(script|style|head|nav)\\b.*?</\\1>", RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Scripts();

    [GeneratedRegex("</?(p|div|li|tr|h[1-6]|pre|br|dt|dd|table|section)\\b[^>]*>", RegexOptions.IgnoreCase)]
    private static partial Regex BlockEnd();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();

    /// <summary>Words that are frequent in English alone.</summary>
    [GeneratedRegex("\\b(the|of|and|is|that|this|with|you|be|are|for)\\b", RegexOptions.IgnoreCase)]
    private static partial Regex Common();

    [GeneratedRegex("\\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex("\n\\s*\n(\\s*\n)*")]
    private static partial Regex Blank();
}

/// <summary>The licences that a package names in its debian/copyright.</summary>
internal static partial class Licences
{
    public static string Of(string folder, Source source)
    {
        if (source.Package.StartsWith("dotnet:", StringComparison.Ordinal))
        {
            return "MIT";
        }
        string? file = Directory.EnumerateFiles(folder, "copyright", SearchOption.AllDirectories)
            .FirstOrDefault(path => path.EndsWith("debian/copyright", StringComparison.Ordinal) || path.Contains("/doc/", StringComparison.Ordinal));
        if (file is null)
        {
            return "see the package";
        }
        string[] names = [.. Name().Matches(File.ReadAllText(file)).Select(m => m.Groups[1].Value.Trim()).Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase)];
        return names.Length > 0 ? string.Join(", ", names) : "see its debian/copyright";
    }

    [GeneratedRegex("^License: *(\\S.*)$", RegexOptions.Multiline)]
    private static partial Regex Name();
}
