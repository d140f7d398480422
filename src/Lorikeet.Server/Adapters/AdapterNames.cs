using System.Text;

namespace Lorikeet.Server;

/// <summary>What a name may be: 1 to 128 letters, digits and <c>. _ - / : +</c>, no comma, no white space, no leading slash, no dot segments.</summary>
internal static class AdapterNames
{
    public const int Most = 128;

    /// <summary>Why a name is none; null: it is one.</summary>
    public static string? Fault(string name, bool anyLetters)
    {
        if (name.Length is 0 or > Most)
        {
            return $"a name has 1 to {Most} characters, this one {name.Length}";
        }
        foreach (Rune rune in name.EnumerateRunes())
        {
            bool plain = rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || "._-/:+".Contains((char)rune.Value, StringComparison.Ordinal));
            if (!plain && !(anyLetters && !rune.IsAscii && rune != Rune.ReplacementChar && Rune.IsLetterOrDigit(rune)))
            {
                return "a name has letters, digits and . _ - / : + only";
            }
        }
        return name[0] == '/' ? "a name does not begin with '/'"
            : name.Split('/').Any(s => s is "." or "..") ? "a name has no segment '.' or '..'"
            : null;
    }

    /// <summary>A name as a folder's: what is no letter, digit, dot, dash or underscore is written as its bytes.</summary>
    public static string Folder(string name)
    {
        StringBuilder text = new();
        foreach (byte b in Encoding.UTF8.GetBytes(name))
        {
            char c = (char)b;
            text.Append(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' || (c == '.' && text.Length > 0) ? c.ToString() : $"%{b:X2}");
        }
        // Long names stay below what file systems take; the hash keeps them apart.
        return text.Length <= 150 ? text.ToString() : text.ToString(0, 100) + "-" + KeyText.Hash(name)[..32];
    }
}
