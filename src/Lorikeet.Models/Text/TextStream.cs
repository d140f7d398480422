namespace Lorikeet.Models.Text;

/// <summary>Turns ids into text one by one; the pieces joined are <see cref="Tokenizer.Decode"/> of all ids. Not thread-safe: one for each answer.</summary>
public abstract class TextStream
{
    /// <summary>Takes the next id.</summary>
    /// <param name="id">The id; one that the vocabulary does not know adds nothing.</param>
    /// <returns>The text that became certain: never half a character, often empty.</returns>
    public abstract string Push(int id);

    /// <summary>Ends the text.</summary>
    /// <returns>What was held back; bytes that make no character are U+FFFD.</returns>
    public abstract string Close();
}
