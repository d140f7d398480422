using System.Runtime.InteropServices;
using Lorikeet.Models.Text.Templates;

namespace Lorikeet.Training;

/// <summary>Words and n-grams with Python's idea of white space and characters.</summary>
internal static class NGrams
{
    /// <summary>The words between white space.</summary>
    public static List<string> Words(string text)
    {
        List<string> words = [];
        for (int i = 0; i < text.Length;)
        {
            int start = i;
            bool space = CharacterFacts.IsSpace(text[i]);
            while (i < text.Length && CharacterFacts.IsSpace(text[i]) == space)
            {
                i++;
            }
            if (!space)
            {
                words.Add(text[start..i]);
            }
        }
        return words;
    }

    /// <summary>Without white space at the end.</summary>
    public static string TrimEnd(string text) => StringText.Strip(text, null, false, true);

    public static string Lower(string text) => Casing.Lower(text);

    /// <summary>How often each run of so many words occurs; the key joins them.</summary>
    public static Dictionary<string, int> Count(IReadOnlyList<string> words, int order)
    {
        Dictionary<string, int> counts = [];
        for (int i = 0; i + order <= words.Count; i++)
        {
            string key = order == 1 ? words[i] : string.Join('\0', words.Skip(i).Take(order));
            CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _)++;
        }
        return counts;
    }

    /// <summary>How often each run of so many characters occurs.</summary>
    public static Dictionary<string, int> CountCharacters(string text, int[] starts, int order)
    {
        Dictionary<string, int> counts = [];
        for (int i = 0; i + order < starts.Length; i++)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(counts, text[starts[i]..starts[i + order]], out _)++;
        }
        return counts;
    }

    /// <summary>Where each code point begins, and the text's end.</summary>
    public static int[] Starts(string text)
    {
        List<int> starts = [];
        for (int i = 0; i < text.Length; i += CodePoints.UnitsAt(text, i))
        {
            starts.Add(i);
        }
        starts.Add(text.Length);
        return [.. starts];
    }

    /// <summary>How many n-grams two counts share.</summary>
    public static int Shared(Dictionary<string, int> left, Dictionary<string, int> right)
    {
        int shared = 0;
        foreach ((string key, int count) in left)
        {
            shared += Math.Min(count, right.GetValueOrDefault(key));
        }
        return shared;
    }

    /// <summary>The largest count of each n-gram in any of several texts.</summary>
    public static Dictionary<string, int> Merge(IEnumerable<Dictionary<string, int>> counts)
    {
        Dictionary<string, int> merged = [];
        foreach ((string key, int count) in counts.SelectMany(c => c))
        {
            ref int most = ref CollectionsMarshal.GetValueRefOrAddDefault(merged, key, out _);
            most = Math.Max(most, count);
        }
        return merged;
    }

    /// <summary>The length closest to one, the shorter of two equally close; -1 without lengths.</summary>
    public static int Closest(int length, IEnumerable<int> lengths)
    {
        int closest = -1;
        foreach (int other in lengths)
        {
            int distance = Math.Abs(length - other), best = Math.Abs(length - closest);
            if (closest < 0 || distance < best || (distance == best && other < closest))
            {
                closest = other;
            }
        }
        return closest;
    }
}
