using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lorikeet.Models.Text;

/// <summary>The ids of words seen lately. It has a fixed room; when that is full it forgets everything, so that no text can make it grow.</summary>
internal sealed class WordCache
{
    /// <summary>The longest word that is remembered, in UTF-16 units: words of natural text repeat, long ones do not.</summary>
    public const int LongestWord = 48;

    private const int Smallest = 1 << 9, Largest = 1 << 15;
    private const int CharactersPerSlot = 8, IdsPerSlot = 4, Probes = 8;

    private Slot[] slots = new Slot[Smallest];
    private char[] characters = new char[Smallest * CharactersPerSlot];
    private int[] ids = new int[Smallest * IdsPerSlot];
    private int characterCount, idCount, wordCount;

    /// <summary>Looks a word up; its hash is needed to add it.</summary>
    public bool TryGet(ReadOnlySpan<char> word, out uint hash, out ReadOnlySpan<int> found)
    {
        hash = Hash(word);
        for (uint probe = 0; probe < Probes; probe++)
        {
            ref Slot slot = ref slots[(hash + probe) & (slots.Length - 1)];
            if (slot.Length == 0)
            {
                break;
            }
            if (slot.Hash == hash && slot.Length == word.Length && word.SequenceEqual(characters.AsSpan(slot.Start, slot.Length)))
            {
                found = ids.AsSpan(slot.FirstId, slot.IdCount);
                return true;
            }
        }
        found = default;
        return false;
    }

    /// <summary>Remembers a word that is not empty.</summary>
    public void Add(ReadOnlySpan<char> word, uint hash, ReadOnlySpan<int> tokens)
    {
        if (word.Length == 0 || tokens.Length > ushort.MaxValue)
        {
            return;
        }
        if (wordCount * 2 > slots.Length || characterCount + word.Length > characters.Length || idCount + tokens.Length > ids.Length)
        {
            Renew();
        }
        for (uint probe = 0; probe < Probes; probe++)
        {
            ref Slot slot = ref slots[(hash + probe) & (slots.Length - 1)];
            if (slot.Length != 0)
            {
                continue;
            }
            if (characterCount + word.Length > characters.Length || idCount + tokens.Length > ids.Length)
            {
                return;
            }
            slot = new Slot { Hash = hash, Start = characterCount, FirstId = idCount, Length = (ushort)word.Length, IdCount = (ushort)tokens.Length };
            word.CopyTo(characters.AsSpan(characterCount));
            tokens.CopyTo(ids.AsSpan(idCount));
            characterCount += word.Length;
            idCount += tokens.Length;
            wordCount++;
            return;
        }
    }

    // Grows while it is small; forgets when it is not.
    private void Renew()
    {
        if (slots.Length < Largest)
        {
            int size = slots.Length * 4;
            slots = new Slot[size];
            characters = new char[size * CharactersPerSlot];
            ids = new int[size * IdsPerSlot];
        }
        else
        {
            Array.Clear(slots);
        }
        (characterCount, idCount, wordCount) = (0, 0, 0);
    }

    private static uint Hash(ReadOnlySpan<char> word)
    {
        ref ushort first = ref Unsafe.As<char, ushort>(ref MemoryMarshal.GetReference(word));
        ulong hash = (ulong)word.Length * 0x9E3779B97F4A7C15;
        int at = 0;
        for (; at + 4 <= word.Length; at += 4)
        {
            hash = (hash ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<ushort, byte>(ref Unsafe.Add(ref first, at)))) * 0xBF58476D1CE4E5B9;
            hash ^= hash >> 32;
        }
        ulong rest = 0;
        for (; at < word.Length; at++)
        {
            rest = (rest << 16) | word[at];
        }
        hash = (hash ^ rest) * 0x94D049BB133111EB;
        return (uint)(hash >> 32) ^ (uint)hash;
    }

    private struct Slot
    {
        public uint Hash;
        public int Start;
        public int FirstId;
        public ushort Length;
        public ushort IdCount;
    }
}
