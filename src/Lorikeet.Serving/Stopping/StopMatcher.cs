using System.Buffers;
using System.Text;

namespace Lorikeet.Serving;

/// <summary>Holds text back until it cannot be part of a stop string any more, and ends it where one is complete.</summary>
/// <remarks>
/// The first byte that completes a stop string ends the text; of several that end there the longest is the match. Only whole characters come
/// out. Bytes that make no character come out as U+FFFD.
/// </remarks>
public sealed class StopMatcher
{
    private readonly string[] stops;
    private readonly byte[][] patterns;
    private readonly int[][] borders;
    private readonly int[] matched;
    private readonly bool include;
    private byte[] held = new byte[64];
    private int count;

    /// <summary>A matcher for one text.</summary>
    /// <param name="stops">The stop strings; none may be empty.</param>
    /// <param name="include">Whether the text that comes out includes the match.</param>
    /// <exception cref="ArgumentException">A stop string is empty.</exception>
    public StopMatcher(IReadOnlyList<string> stops, bool include = false)
    {
        ArgumentNullException.ThrowIfNull(stops);
        if (stops.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("a stop string is empty; expected at least one character");
        }
        this.stops = [.. stops];
        this.include = include;
        patterns = [.. stops.Select(Encoding.UTF8.GetBytes)];
        borders = [.. patterns.Select(Borders)];
        matched = new int[patterns.Length];
    }

    /// <summary>The stop string that ended the text, or null.</summary>
    public string? Match { get; private set; }

    /// <summary>Takes the next characters.</summary>
    /// <param name="text">The characters.</param>
    /// <returns>What became certain.</returns>
    public string Push(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0)
        {
            return "";
        }
        if (patterns.Length == 0 && count == 0)
        {
            return text;
        }
        byte[]? rented = null;
        int most = Encoding.UTF8.GetMaxByteCount(text.Length);
        Span<byte> bytes = most <= 256 ? stackalloc byte[most] : rented = ArrayPool<byte>.Shared.Rent(most);
        string released = Push(bytes[..Encoding.UTF8.GetBytes(text, bytes)]);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
        return released;
    }

    /// <summary>Takes the next bytes of UTF-8.</summary>
    /// <param name="bytes">The bytes; they may end inside a character.</param>
    /// <returns>What became certain; empty after a match.</returns>
    public string Push(ReadOnlySpan<byte> bytes)
    {
        if (Match is not null)
        {
            return "";
        }
        foreach (byte next in bytes)
        {
            Hold(next);
            int longest = Advance(next);
            if (longest >= 0)
            {
                Match = stops[longest];
                return Release(include ? count : count - patterns[longest].Length);
            }
        }
        int keep = matched.Length == 0 ? 0 : matched.Max();
        int free = count - keep;
        return Release(free - UnfinishedTail(held.AsSpan(0, free)));
    }

    /// <summary>Ends the text.</summary>
    /// <returns>What was held back; empty after a match.</returns>
    public string Close() => Match is null ? Release(count) : "";

    private string Release(int bytes)
    {
        if (bytes <= 0)
        {
            return "";
        }
        string text = Encoding.UTF8.GetString(held, 0, bytes);
        held.AsSpan(bytes, count - bytes).CopyTo(held);
        count -= bytes;
        return text;
    }

    private void Hold(byte next)
    {
        if (count == held.Length)
        {
            Array.Resize(ref held, 2 * count);
        }
        held[count++] = next;
    }

    // Knuth, Morris, Pratt: matched[i] is the longest beginning of pattern i that ends the text.
    private int Advance(byte next)
    {
        int longest = -1;
        for (int i = 0; i < patterns.Length; i++)
        {
            byte[] pattern = patterns[i];
            int length = matched[i];
            while (length > 0 && pattern[length] != next)
            {
                length = borders[i][length - 1];
            }
            length += pattern[length] == next ? 1 : 0;
            matched[i] = length;
            if (length == pattern.Length && (longest < 0 || length > patterns[longest].Length))
            {
                longest = i;
            }
        }
        return longest;
    }

    private static int[] Borders(byte[] pattern)
    {
        int[] borders = new int[pattern.Length];
        for (int i = 1; i < pattern.Length; i++)
        {
            int length = borders[i - 1];
            while (length > 0 && pattern[length] != pattern[i])
            {
                length = borders[length - 1];
            }
            borders[i] = length + (pattern[length] == pattern[i] ? 1 : 0);
        }
        return borders;
    }

    private static int UnfinishedTail(ReadOnlySpan<byte> text)
    {
        for (int tail = Math.Min(3, text.Length); tail > 0; tail--)
        {
            if (Rune.DecodeFromUtf8(text[^tail..], out _, out _) == OperationStatus.NeedMoreData)
            {
                return tail;
            }
        }
        return 0;
    }
}
