using System.Runtime.InteropServices;

namespace Lorikeet.Models.Text;

/// <summary>The tokens of one text, or of one part of a template, in the making; with everything known of each where that was asked for.</summary>
internal sealed class TokenList
{
    /// <summary>Makes an empty list.</summary>
    /// <param name="full">Whether offsets and all else are kept beside the ids.</param>
    public TokenList(bool full) => Details = full ? [] : null;

    /// <summary>The ids.</summary>
    public List<int> Ids { get; } = [];

    /// <summary>What is known of each, as many as ids; null where nobody asked.</summary>
    public List<TokenDetail>? Details { get; }

    /// <summary>Where the words end, in tokens, and which were added tokens; filled where truncation asks.</summary>
    public List<(int End, bool Added)>? Words { get; init; }

    public void Add(int id, in TokenDetail detail)
    {
        Ids.Add(id);
        Details?.Add(detail);
    }

    public void AddRange(TokenList other)
    {
        Ids.AddRange(CollectionsMarshal.AsSpan(other.Ids));
        Details?.AddRange(other.Details!);
    }

    /// <summary>Keeps a number of tokens at the start, or at the end.</summary>
    public void Keep(int count, bool atEnd)
    {
        int removed = Ids.Count - count;
        if (removed > 0)
        {
            Ids.RemoveRange(atEnd ? 0 : count, removed);
            Details?.RemoveRange(atEnd ? 0 : count, removed);
        }
    }

    /// <summary>Keeps the words that the reference encodes before it truncates: it stops once it has enough tokens.</summary>
    public void KeepWords(int most, bool atEnd)
    {
        int kept = 0;
        for (int i = 0; i < Words!.Count; i++)
        {
            int word = atEnd ? Words.Count - 1 - i : i;
            kept += Words[word].End - (word == 0 ? 0 : Words[word - 1].End);
            if (!Words[word].Added && kept >= most)
            {
                break;
            }
        }
        Keep(kept, atEnd);
    }

    /// <summary>Puts copies of a token before or behind all.</summary>
    public void Pad(int count, int id, in TokenDetail detail, bool left)
    {
        int at = left ? 0 : Ids.Count;
        Ids.InsertRange(at, Enumerable.Repeat(id, count));
        Details?.InsertRange(at, Enumerable.Repeat(detail, count));
    }

    /// <summary>Gives all tokens a type.</summary>
    public void SetType(int type)
    {
        foreach (ref TokenDetail detail in CollectionsMarshal.AsSpan(Details))
        {
            detail.TypeId = type;
        }
    }
}

/// <summary>What is known of a token beside its id.</summary>
internal struct TokenDetail
{
    /// <summary>Its range in the text, in code points.</summary>
    public int From, To;

    /// <summary>The token as it is shown: of an added token the piece as matched.</summary>
    public string Text;

    /// <summary>The template's type.</summary>
    public int TypeId;

    /// <summary>0 for the first text, 1 for the second, -1 for neither.</summary>
    public int Sequence;

    /// <summary>Whether the template or padding put it in.</summary>
    public bool Inserted;

    /// <summary>Whether it only fills up.</summary>
    public bool Padding;
}
