using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.Normalizers;

/// <summary>SentencePiece's compiled character map: a double array of UTF-8 keys, and the texts that replace them.</summary>
/// <remarks>
/// The text is cut into grapheme clusters; a cluster under six bytes is looked up whole, and the shortest key that begins it replaces all of it;
/// else each character is looked up by itself.
/// </remarks>
internal sealed class PrecompiledNormalizer : Normalizer
{
    private const int LongestCluster = 6;

    private readonly uint[] units;
    private readonly byte[] replacements;

    private PrecompiledNormalizer(uint[] units, byte[] replacements)
    {
        this.units = units;
        this.replacements = replacements;
    }

    public static Normalizer ReadPrecompiled(JsonPart part)
    {
        string text = part.Text("precompiled_charsmap") ?? "";
        byte[] bytes = new byte[text.Length / 4 * 3 + 3];
        if (!Convert.TryFromBase64String(text, bytes, out int count))
        {
            throw part.Bad("has a precompiled_charsmap that is no base64.");
        }
        // Converted models without a map write an empty one.
        if (count == 0)
        {
            return new SequenceNormalizer([]);
        }
        uint size = count < 4 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (size == 0 || size % 4 != 0 || size > count - 4)
        {
            throw part.Bad($"has a precompiled_charsmap of {count} bytes whose first number, the size of its table, is {size}; expected a multiple of 4 below its own size.");
        }
        uint[] units = new uint[size / 4];
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 + i * 4));
        }
        return new PrecompiledNormalizer(units, bytes[(4 + (int)size)..count]);
    }

    public override void Apply(TextPiece piece)
    {
        ReadOnlySpan<char> text = piece.Text;
        List<(int CodePoint, int Change)> changes = piece.Changes;
        changes.Clear();
        bool changed = false;
        Span<byte> key = stackalloc byte[LongestCluster];
        for (int at = 0; at < text.Length;)
        {
            int length = at + 1 < text.Length && text[at] is >= ' ' and < '\u007F' && text[at + 1] is >= ' ' and < '\u007F'
                ? 1
                : StringInfo.GetNextTextElementLength(text[at..]);
            ReadOnlySpan<char> cluster = text.Slice(at, length);
            at += length;
            if (length < LongestCluster && Encoding.UTF8.TryGetBytes(cluster, key, out int bytes) && bytes < LongestCluster && Find(key[..bytes], out ReadOnlySpan<byte> whole))
            {
                changed = true;
                Add(changes, cluster, whole);
                continue;
            }
            while (cluster.Length > 0)
            {
                _ = Rune.DecodeFromUtf16(cluster, out Rune rune, out int used);
                int count = rune.EncodeToUtf8(key);
                if (Find(key[..count], out ReadOnlySpan<byte> replacement))
                {
                    changed = true;
                    Add(changes, cluster[..used], replacement);
                }
                else
                {
                    changes.Add((rune.Value, 0));
                }
                cluster = cluster[used..];
            }
        }
        if (changed)
        {
            piece.Transform(changes);
        }
    }

    private static void Add(List<(int CodePoint, int Change)> changes, ReadOnlySpan<char> old, ReadOnlySpan<byte> replacement)
    {
        int replaced = 0;
        foreach (Rune _ in old.EnumerateRunes())
        {
            replaced++;
        }
        int added = 0;
        while (replacement.Length > 0)
        {
            _ = Rune.DecodeFromUtf8(replacement, out Rune rune, out int used);
            replacement = replacement[used..];
            changes.Add((rune.Value, added++ < replaced ? 0 : 1));
        }
        // What is deleted belongs to the character before it; at the start of a piece there is none, and it is not counted.
        if (added < replaced && changes.Count > 0)
        {
            changes[^1] = (changes[^1].CodePoint, changes[^1].Change + added - replaced);
        }
    }

    // A walk through the double array; see the format's description at "Darts-clone".
    private bool Find(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> replacement)
    {
        replacement = default;
        uint at = Offset(units[0]);
        foreach (byte b in key)
        {
            at ^= b;
            if (at >= units.Length || (units[at] & 0x800000FF) != b)
            {
                return false;
            }
            uint unit = units[at];
            at ^= Offset(unit);
            if ((unit >> 8 & 1) == 0)
            {
                continue;
            }
            uint start = at < units.Length ? units[at] & 0x7FFFFFFF : uint.MaxValue;
            if (start > replacements.Length)
            {
                throw new BadFileException("the tokenizer's precompiled_charsmap points behind its own end; the file is damaged.");
            }
            replacement = replacements.AsSpan((int)start);
            int end = replacement.IndexOf((byte)0);
            replacement = end < 0 ? replacement : replacement[..end];
            return true;
        }
        return false;
    }

    private static uint Offset(uint unit) => unit >> 10 << (int)((unit & 0x200) >> 6);
}
