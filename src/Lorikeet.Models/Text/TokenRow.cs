namespace Lorikeet.Models.Text;

/// <summary>One token of an encoding in the making.</summary>
internal struct TokenRow
{
    /// <summary>The token's id.</summary>
    public int Id;

    /// <summary>Its range in the text, in code points.</summary>
    public int From, To;

    /// <summary>The token as it is shown: of an added token the piece as matched.</summary>
    public string? Text;

    /// <summary>The template's type.</summary>
    public int TypeId;

    /// <summary>0 for the first text, 1 for the second, -1 for a token of the template.</summary>
    public int Sequence;
}
