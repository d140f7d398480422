namespace Lorikeet.Training;

/// <summary>
/// Porter's stemmer (An algorithm for suffix stripping, Program 14, 1980) with nltk's extensions, which rouge_score uses: irregular forms, a
/// kinder treatment of short words in -ies and -ied, -y after a consonant only.
/// </summary>
public static class PorterStemmer
{
    private static readonly Dictionary<string, string> Irregular = new()
    {
        ["sky"] = "sky",
        ["skies"] = "sky",
        ["dying"] = "die",
        ["lying"] = "lie",
        ["tying"] = "tie",
        ["news"] = "news",
        ["innings"] = "inning",
        ["inning"] = "inning",
        ["outings"] = "outing",
        ["outing"] = "outing",
        ["cannings"] = "canning",
        ["canning"] = "canning",
        ["howe"] = "howe",
        ["proceed"] = "proceed",
        ["exceed"] = "exceed",
        ["succeed"] = "succeed",
    };

    // Each step takes the first suffix that fits, and only that one.
    private static readonly (string Suffix, string By)[] First = [("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")];

    private static readonly (string Suffix, string By)[] Second =
    [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"),
        ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"),
        ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"), ("logi", "log"),
    ];

    private static readonly (string Suffix, string By)[] Third =
        [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

    private static readonly string[] Fourth =
        ["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous", "ive", "ize"];

    /// <summary>The stem of a word, in lower case.</summary>
    /// <param name="word">The word.</param>
    public static string Stem(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        string stem = NGrams.Lower(word);
        if (Irregular.TryGetValue(word, out string? known))
        {
            return known;
        }
        return word.Length <= 2 ? stem : End(Derived(Y(Past(Plural(stem)))));
    }

    private static string Plural(string word)
    {
        if (word.Length == 4 && Ends(word, "ies"))
        {
            return word[..^1];
        }
        foreach ((string suffix, string by) in First)
        {
            if (Ends(word, suffix))
            {
                return word[..^suffix.Length] + by;
            }
        }
        return word;
    }

    private static string Past(string word)
    {
        if (Ends(word, "ied"))
        {
            return word.Length == 4 ? word[..^1] : word[..^2];
        }
        if (Ends(word, "eed"))
        {
            return Measure(word[..^3]) > 0 ? word[..^1] : word;
        }
        string? stem = Ends(word, "ed") && HasVowel(word[..^2]) ? word[..^2] : Ends(word, "ing") && HasVowel(word[..^3]) ? word[..^3] : null;
        if (stem is null)
        {
            return word;
        }
        if (Ends(stem, "at") || Ends(stem, "bl") || Ends(stem, "iz"))
        {
            return stem + "e";
        }
        if (EndsDouble(stem))
        {
            return stem[^1] is 'l' or 's' or 'z' ? stem : stem[..^1];
        }
        return Measure(stem) == 1 && EndsShort(stem) ? stem + "e" : stem;
    }

    private static string Y(string word) => Ends(word, "y") && word.Length > 2 && IsConsonant(word, word.Length - 2) ? word[..^1] + "i" : word;

    private static string Derived(string word)
    {
        while (Ends(word, "alli") && Measure(word[..^4]) > 0)
        {
            word = word[..^2];
        }
        foreach ((string suffix, string by) in Second)
        {
            if (Ends(word, suffix))
            {
                // The l of -logi belongs to the stem, so that short ones such as "geo" count.
                string stem = word[..^suffix.Length];
                word = Measure(suffix == "logi" ? word[..^3] : stem) > 0 ? stem + by : word;
                break;
            }
        }
        foreach ((string suffix, string by) in Third)
        {
            if (Ends(word, suffix))
            {
                return Measure(word[..^suffix.Length]) > 0 ? word[..^suffix.Length] + by : word;
            }
        }
        return word;
    }

    private static string End(string word)
    {
        if (Array.Find(Fourth, suffix => Ends(word, suffix)) is { } last)
        {
            string stem = word[..^last.Length];
            word = Measure(stem) > 1 && (last != "ion" || stem[^1] is 's' or 't') ? stem : word;
        }
        if (Ends(word, "e"))
        {
            string stem = word[..^1];
            int measure = Measure(stem);
            word = measure > 1 || (measure == 1 && !EndsShort(stem)) ? stem : word;
        }
        return Ends(word, "ll") && Measure(word[..^1]) > 1 ? word[..^1] : word;
    }

    private static bool Ends(string word, string suffix) => word.EndsWith(suffix, StringComparison.Ordinal);

    private static bool IsConsonant(string word, int index)
    {
        // Each y is the opposite of what stands before it.
        bool flip = false;
        while (word[index] == 'y' && index > 0)
        {
            flip = !flip;
            index--;
        }
        bool consonant = word[index] is not ('a' or 'e' or 'i' or 'o' or 'u');
        return consonant != flip;
    }

    // How often a vowel is followed by a consonant.
    private static int Measure(string stem)
    {
        int measure = 0;
        for (int i = 1; i < stem.Length; i++)
        {
            measure += !IsConsonant(stem, i - 1) && IsConsonant(stem, i) ? 1 : 0;
        }
        return measure;
    }

    private static bool HasVowel(string stem) => Enumerable.Range(0, stem.Length).Any(i => !IsConsonant(stem, i));

    private static bool EndsDouble(string word) => word.Length >= 2 && word[^1] == word[^2] && IsConsonant(word, word.Length - 1);

    private static bool EndsShort(string word) =>
        (word.Length >= 3 && IsConsonant(word, word.Length - 3) && !IsConsonant(word, word.Length - 2) && IsConsonant(word, word.Length - 1) && word[^1] is not ('w' or 'x' or 'y'))
        || (word.Length == 2 && !IsConsonant(word, 0) && IsConsonant(word, 1));
}
