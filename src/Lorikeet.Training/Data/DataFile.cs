using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Training;

/// <summary>Reads rows and documents from files and folders, one after another, so that data may be larger than memory.</summary>
/// <remarks>
/// The ending says the format: <c>.jsonl</c> or <c>.ndjson</c> one object a line; <c>.csv</c>, <c>.tsv</c> as RFC 4180 with a first row of names; anything
/// else plain text. A folder is its files, in the order of their paths; hidden ones are left out. Bytes that are not UTF-8 are refused; errors name file and line.
/// </remarks>
public static class DataFile
{
    private static readonly Dictionary<string, Func<string, Stream, DataOptions, IEnumerable<DataRow>>> Formats = new(StringComparer.OrdinalIgnoreCase)
    {
        [".jsonl"] = (path, stream, _) => JsonLines.Read(path, stream),
        [".ndjson"] = (path, stream, _) => JsonLines.Read(path, stream),
        [".csv"] = (path, stream, options) => DelimitedText.Read(path, stream, (byte)',', options.Columns),
        [".tsv"] = (path, stream, options) => DelimitedText.Read(path, stream, (byte)'\t', options.Columns),
    };

    /// <summary>The rows of a file, or of all files of a folder.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">Names of columns, separator of texts; null: the defaults.</param>
    /// <exception cref="BadFileException">A file cannot be read, or a line is not what it should be; thrown when that line is reached.</exception>
    public static IEnumerable<DataRow> Rows(string path, DataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        bool any = false;
        foreach (string file in Files(path))
        {
            using Stream stream = Open(file);
            IEnumerable<DataRow> rows = Formats.TryGetValue(Path.GetExtension(file), out Func<string, Stream, DataOptions, IEnumerable<DataRow>>? format)
                ? format(file, stream, options)
                : PlainText.Read(file, stream, options.Separator);
            foreach (DataRow row in rows)
            {
                any = true;
                yield return row;
            }
        }
        if (!any)
        {
            throw new BadFileException($"{path} holds no document; expected at least one.");
        }
    }

    /// <summary>The documents of a file, or of all files of a folder.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">What the fields stand for; null: the defaults.</param>
    /// <param name="template">Lays conversations out; null: the plain layout of <see cref="ChatLayout"/>.</param>
    /// <exception cref="BadFileException">As <see cref="Rows"/>; or a row lacks what its document needs.</exception>
    public static IEnumerable<DataRecord> Read(string path, DataOptions? options = null, ChatTemplate? template = null)
    {
        options ??= new DataOptions();
        RowLayout layout = new(options, template);
        return Rows(path, options).Select(layout.Lay);
    }

    /// <summary>The classes of a file, each once: in the order of their numbers where all are whole numbers, else of their characters.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">What the fields stand for.</param>
    /// <exception cref="BadFileException">As <see cref="Rows"/>; or there are fewer than two classes.</exception>
    public static IReadOnlyList<string> Labels(string path, DataOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        const int Most = 100_000;
        HashSet<string> found = new(StringComparer.Ordinal);
        string field = options.LabelField ?? RowLayout.Label;
        foreach (DataRow row in Rows(path, options))
        {
            if (found.Add(row.Text(field)) && found.Count > Most)
            {
                throw new BadFileException($"{row.Where}: more than {Most} classes in the field \"{field}\"; is it text, not a label?");
            }
        }
        if (found.Count < 2)
        {
            throw new BadFileException($"{path} has one class, {found.First()}; expected at least two in the field \"{field}\".");
        }
        return found.All(l => long.TryParse(l, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out _))
            ? [.. found.OrderBy(l => long.Parse(l, System.Globalization.CultureInfo.InvariantCulture)).ThenBy(l => l, StringComparer.Ordinal)]
            : [.. found.Order(StringComparer.Ordinal)];
    }

    /// <summary>The files that a path stands for: itself, or a folder's, in the order of their paths.</summary>
    /// <param name="path">The file or folder.</param>
    /// <exception cref="BadFileException">A folder cannot be read, or has no file.</exception>
    public static IReadOnlyList<string> Files(string path)
    {
        if (!Directory.Exists(path))
        {
            return [path];
        }
        try
        {
            string[] files = [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(f => !Hidden(Path.GetRelativePath(path, f))).Order(StringComparer.Ordinal)];
            return files.Length > 0 ? files : throw new BadFileException($"{path} is a folder without a file; expected texts, .jsonl, .csv or .tsv files in it.");
        }
        catch (Exception e) when (e is IOException and not BadFileException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    internal static Stream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static bool Hidden(string path) => path.Split(Path.DirectorySeparatorChar).Any(part => part.StartsWith('.'));
}
